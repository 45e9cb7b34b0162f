"""What is counted: lost, doubled, out of order, and how long a recovery took."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.domain import Direction, EventType, SignalEvent
from tests.chaos import score
from tests.chaos.books import BookedOrder
from tests.chaos.load import is_final
from tests.chaos.plan import Blow, Fault
from tests.chaos.score import Struck
from tests.support.judge.observed import Answer, Exchange

OPENED = SignalEvent(EventType.SIGNAL_OPEN, 1000, "s", "S", "p1", Direction.BUY, "XAUUSD", Decimal(1))
CLOSED = replace(OPENED, type=EventType.SIGNAL_CLOSE, timestamp_ms=2000)
REFUSED = replace(OPENED, proquant_position_id="p2", timestamp_ms=3000)
BROKEN = Answer(503, b'{"error":"unavailable"}')
TOO_LATE = Answer(409, b'{"type":"PositionNotFound"}')


def ids(event: SignalEvent) -> dict[str, str]:
    return {"leg": f"{event.proquant_position_id}-{event.type}"}


def booked(event: SignalEvent, at: float) -> BookedOrder:
    name = ids(event)["leg"]
    moment = datetime.fromtimestamp(at, UTC)
    return BookedOrder(
        "chaos", name, "b", "XAUUSD", "BUY", Decimal(1), "open", event.strategy_id, "p", Decimal(1), moment
    )


def sent(event: SignalEvent, at: float, answer: Answer | None = None) -> Exchange:
    return Exchange("chaos", event, answer or Answer(200), at, at + 0.1)


def struck(at: float, kind: Blow = Blow.RECEIVER_KILLED) -> Struck:
    return Struck(Fault(0, kind, 0, 0, 0), at)


def test_an_event_whose_order_is_not_in_the_books_is_lost() -> None:
    books = [booked(OPENED, 10)]
    assert score.lost([OPENED, CLOSED], books, ids) == [CLOSED]


def test_an_event_with_one_of_its_two_orders_in_the_books_is_lost() -> None:
    both = {"close": ids(OPENED)["leg"], "open": "missing"}
    assert score.lost([OPENED], [booked(OPENED, 10)], lambda _: both) == [OPENED]


def test_an_order_that_was_accepted_again_is_doubled() -> None:
    assert score.doubled([booked(OPENED, 10), booked(CLOSED, 11)]) == 0
    assert score.doubled([booked(OPENED, 10), booked(OPENED, 11), booked(OPENED, 12)]) == 2


def test_an_order_behind_that_of_a_later_event_of_its_strategy_is_out_of_order() -> None:
    known = {ids(event)["leg"]: event for event in (OPENED, CLOSED)}
    elsewhere = replace(OPENED, strategy_id="other")
    assert score.out_of_order([booked(OPENED, 10), booked(CLOSED, 11)], known) == 0
    assert score.out_of_order([booked(CLOSED, 10), booked(OPENED, 11)], known) == 1
    assert score.out_of_order([booked(CLOSED, 10), booked(elsewhere, 11)], {"p1-SIGNAL_CLOSE": CLOSED}) == 0


def test_each_event_is_counted_once_however_often_it_was_delivered() -> None:
    history = [sent(OPENED, 1, BROKEN), sent(OPENED, 2), sent(OPENED, 3), sent(REFUSED, 4, TOO_LATE)]
    found = score.figures([OPENED, CLOSED, REFUSED], history, [booked(OPENED, 10)], ids, [])
    assert (found.events, found.deliveries, found.answered, found.unanswered) == (3, 4, 1, 1)
    assert found.refused == {"PositionNotFound": 1}
    assert found.executed == 1


def test_recovery_is_measured_to_what_came_after_and_to_all_that_was_pending() -> None:
    history = [sent(OPENED, 4), sent(CLOSED, 6), sent(REFUSED, 4)]
    books = [booked(OPENED, 7), booked(CLOSED, 8), booked(REFUSED, 9)]
    found = score.figures([OPENED, CLOSED, REFUSED], history, books, ids, [struck(5)])
    assert found.resumed == [3]  # not 2: the order of 7 was for what had been sent before
    assert found.caught_up == [4]  # not 3: the order of 8 was for what was sent after


def test_only_what_stops_all_work_is_waited_for_and_nothing_pending_is_caught_up_at_once() -> None:
    history, books = [sent(OPENED, 1), sent(CLOSED, 6)], [booked(OPENED, 2), booked(CLOSED, 8)]
    found = score.figures([OPENED, CLOSED], history, books, ids, [struck(5, Blow.WORKER_KILLED)])
    assert found.resumed == []
    assert found.caught_up == [0]


def test_a_percentile_is_one_of_the_values() -> None:
    assert score.percentile([3, 1, 2], 0.5) == 2
    assert score.percentile(range(1, 101), 0.99) == 99
    assert score.percentile([], 0.5) is None


@pytest.mark.parametrize(
    ("answer", "final"),
    [(Answer(200), True), (TOO_LATE, True), (BROKEN, False), (Answer(429), False), (None, False)],
)
def test_a_sender_delivers_again_until_it_is_told_something_about_the_event(answer: Answer | None, final: bool) -> None:
    assert is_final(answer) is final
