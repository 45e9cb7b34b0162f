"""What a person decides about a parked event, and what the bridge makes of it."""

import threading
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select, text, update

from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.database.tables.events import EventRow, Resolution, Strategy
from shared.database.tables.orders import FillRow, OrderRow
from shared.domain import Direction, EventId, OrderState
from tests.support.eventually import eventually
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from tools.operations.resolve_event import CannotResolve, ResolutionRequest, ResolutionVerdict, UnknownEventId, resolve
from workers.brokers.base import OutcomeUnknown
from workers.decision.lookup_patience import LOOKUPS_BEFORE_PARKING
from workers.execution.run import FAILURES_BEFORE_PARKING

LOST = OutcomeUnknown("no answer")


@dataclass
class Desk:
    """A workshop in which something is parked, and the person who looks at it."""

    workshop: WorkerHarness

    def park(self, type_: str = "SIGNAL_OPEN", at_broker: bool = False, **values: Any) -> EventId:
        """The event's order is sent, and nobody hears what became of it until the event is parked."""
        event = self.workshop.arrives(signal(type_, **values))
        broker = self.workshop.broker
        broker.script.append(LOST)
        broker.lost = at_broker
        broker.searched = deque([LOST] * 3)
        self.workshop.run(event)
        self.looked_up(LOOKUPS_BEFORE_PARKING - 1)
        self.workshop.later(61)
        self.workshop.run(event)
        assert self.workshop.event(event).state == "parked"
        broker.searched.clear()
        return event

    def says(self, event: EventId, verdict: ResolutionVerdict, **values: Any) -> None:
        with self.workshop.sessions.begin() as session:
            resolve(session, event, ResolutionRequest(verdict, "ann", **values), self.workshop.clock(session))

    def looked_up(self, times: int) -> None:
        """So often has the broker been asked in vain."""
        unsettled = OrderRow.state.in_(["submitting", "unknown"])
        with self.workshop.sessions.begin() as session:
            session.execute(update(OrderRow).where(unsettled).values(lookups=times))

    def resolutions(self) -> list[Resolution]:
        with self.workshop.sessions() as session:
            return list(session.scalars(select(Resolution).order_by(Resolution.id)))

    def fills(self) -> list[FillRow]:
        with self.workshop.sessions() as session:
            return list(session.scalars(select(FillRow).order_by(FillRow.id)))


@pytest.fixture
def desk(sessions: Sessions) -> Desk:
    return Desk(open_workshop(sessions))


def test_retry_finds_what_was_executed_once_the_broker_shows_it_again(desk: Desk) -> None:
    event = desk.park(at_broker=True)
    desk.says(event, ResolutionVerdict.RETRY, note="their API is back")
    assert desk.workshop.event(event).state == "received"
    assert desk.workshop.orders()[0].lookups == 0
    desk.workshop.run(event)
    assert desk.workshop.states() == ["done"]
    assert [order.leg for order in desk.workshop.broker.submitted] == ["open"]
    (kept,) = desk.resolutions()
    assert (kept.verdict, kept.who, kept.note, kept.order_id) == ("retry", "ann", "their API is back", 1)


def test_retry_looks_as_often_as_the_first_time_before_it_asks_again(desk: Desk) -> None:
    event = desk.park()
    desk.says(event, ResolutionVerdict.RETRY)
    desk.workshop.broker.searched = deque([LOST] * 2)
    desk.workshop.run(event)
    assert desk.workshop.event(event).state == "waiting"
    desk.looked_up(LOOKUPS_BEFORE_PARKING - 1)
    desk.workshop.later(61)
    desk.workshop.run(event)
    assert desk.workshop.alerts() == ["parked", "parked"]


def test_an_open_that_was_not_placed_is_sent_again_under_the_same_id(desk: Desk) -> None:
    event = desk.park()
    desk.says(event, ResolutionVerdict.NOT_PLACED)
    desk.workshop.run(event)
    first, second = desk.workshop.broker.submitted
    assert first.client_order_id == second.client_order_id
    assert desk.workshop.broker.sides() == ["BUY 10"]
    assert desk.workshop.states() == ["done"]


def test_an_open_that_was_not_placed_and_has_become_old_expires(desk: Desk) -> None:
    event = desk.park()
    desk.says(event, ResolutionVerdict.NOT_PLACED)
    desk.workshop.run(event, open_max_age=30)
    row = desk.workshop.event(event)
    assert (row.state, row.error_type) == ("refused", "expired")
    assert desk.workshop.broker.sides() == []
    assert [order.state for order in desk.workshop.orders()] == ["cancelled"]


def test_a_close_that_was_not_placed_is_sent_again_however_old_it_is(desk: Desk) -> None:
    desk.workshop.run(desk.workshop.arrives(signal("SIGNAL_OPEN")))
    event = desk.park("SIGNAL_CLOSE")
    desk.says(event, ResolutionVerdict.NOT_PLACED)
    desk.workshop.run(event, open_max_age=1)
    assert desk.workshop.broker.sides() == ["BUY 10", "SELL 10"]
    assert desk.workshop.held() == []


def test_an_order_that_may_still_arrive_is_not_called_not_placed(desk: Desk) -> None:
    event = desk.park()
    with desk.workshop.sessions.begin() as session:
        soon = desk.workshop.clock(session) + timedelta(seconds=10)
        session.execute(update(OrderRow).values(in_flight_until=soon))
    with pytest.raises(CannotResolve, match="may still reach the broker until"):
        desk.says(event, ResolutionVerdict.NOT_PLACED)
    assert desk.workshop.event(event).state == "parked"
    assert desk.resolutions() == []


def test_what_was_filled_is_held_without_another_order(desk: Desk) -> None:
    event = desk.park(at_broker=True)
    desk.says(event, ResolutionVerdict.FILLED, price=Decimal("1999.5"))
    desk.workshop.run(event)
    assert desk.workshop.states() == ["done"]
    assert [(held.quantity, held.direction) for held in desk.workshop.held()] == [(Decimal(10), "BUY")]
    (fill,) = desk.fills()
    order = desk.workshop.orders()[0]
    assert (fill.fill_id, fill.price) == (f"{order.client_order_id}:resolved", Decimal("1999.5"))
    assert (order.state, order.average_price) == ("filled", Decimal("1999.5"))
    assert len(desk.workshop.broker.submitted) == 1
    assert desk.resolutions()[0].quantity == 10


def test_a_part_that_was_filled_is_what_the_strategy_holds(desk: Desk) -> None:
    event = desk.park()
    desk.says(event, ResolutionVerdict.FILLED, quantity=Decimal(4))
    desk.workshop.run(event)
    assert [held.quantity for held in desk.workshop.held()] == [Decimal(4)]
    assert desk.workshop.orders()[0].state == "partially_filled"
    assert desk.workshop.alerts() == ["parked", "partial_fill"]


def test_a_part_that_is_known_already_is_not_counted_twice(desk: Desk) -> None:
    event = desk.park()
    with desk.workshop.sessions.begin() as session:
        session.execute(update(OrderRow).values(filled_quantity=3))
        session.add(FillRow(order_id=1, fill_id="b-1", quantity=3, price=2000, at=database_clock(session)))
    desk.says(event, ResolutionVerdict.FILLED)
    assert [fill.quantity for fill in desk.fills()] == [Decimal(3), Decimal(7)]
    assert desk.workshop.orders()[0].filled_quantity == 10


@pytest.mark.parametrize("quantity", ["10.1", "1000"])
def test_more_than_was_ordered_cannot_have_been_filled(desk: Desk, quantity: str) -> None:
    event = desk.park()
    with pytest.raises(CannotResolve, match=r"at most 10 \(ordered\)"):
        desk.says(event, ResolutionVerdict.FILLED, quantity=Decimal(quantity))
    assert desk.fills() == []


def test_a_flip_goes_on_to_its_open_leg_when_its_close_leg_was_filled(desk: Desk) -> None:
    desk.workshop.run(desk.workshop.arrives(signal("SIGNAL_OPEN", "A")))
    event = desk.park("SIGNAL_REOPEN", at_broker=True, proquant_position_id="B", direction=Direction.SELL)
    desk.says(event, ResolutionVerdict.FILLED)
    desk.workshop.run(event)
    assert desk.workshop.broker.sides() == ["BUY 10", "SELL 10", "SELL 10"]
    assert [(held.proquant_position_id, held.direction) for held in desk.workshop.held()] == [("B", "SELL")]


def test_the_same_resolution_twice_changes_nothing(desk: Desk) -> None:
    event = desk.park()
    desk.says(event, ResolutionVerdict.FILLED)
    with pytest.raises(CannotResolve, match="is received; only a parked event"):
        desk.says(event, ResolutionVerdict.FILLED)
    desk.workshop.run(event)
    assert (len(desk.fills()), len(desk.resolutions())) == (1, 1)
    assert [held.quantity for held in desk.workshop.held()] == [Decimal(10)]


def test_an_event_that_is_done_or_unknown_cannot_be_resolved(desk: Desk) -> None:
    event = desk.workshop.arrives(signal("SIGNAL_OPEN"))
    desk.workshop.run(event)
    with pytest.raises(CannotResolve, match="Event 1 is done; only a parked event"):
        desk.says(event, ResolutionVerdict.RETRY)
    with pytest.raises(UnknownEventId, match="There is no event 99"):
        desk.says(EventId(99), ResolutionVerdict.RETRY)


@pytest.mark.parametrize(
    ("state", "verdict"),
    [("planned", ResolutionVerdict.FILLED)],
)
def test_a_verdict_that_the_orders_state_rules_out_is_refused(
    desk: Desk, state: str, verdict: ResolutionVerdict
) -> None:
    event = desk.park()
    with desk.workshop.sessions.begin() as session:
        session.execute(update(OrderRow).values(state=state))
    with pytest.raises(CannotResolve, match=f"is {state}: that cannot be"):
        desk.says(event, verdict)


def test_an_order_that_the_broker_knew_and_never_showed_can_be_found_unfilled(desk: Desk) -> None:
    """Its id would be refused again, so that it is over: what it was placed for is refused."""
    event = desk.park()
    with desk.workshop.sessions.begin() as session:
        session.execute(update(OrderRow).values(state="accepted"))
    desk.says(event, ResolutionVerdict.NOT_PLACED)
    desk.workshop.run(event)
    assert [order.state for order in desk.workshop.orders()] == ["cancelled"]
    assert (desk.workshop.event(event).state, desk.workshop.event(event).error_type) == ("refused", "rejected")


def test_a_close_that_the_broker_knew_and_never_showed_is_sent_anew_under_another_id(desk: Desk) -> None:
    """Otherwise nothing could ever close the position: the signal would be refused, and comes only once."""
    opened = desk.workshop.arrives(signal("SIGNAL_OPEN"))
    desk.workshop.run(opened)
    desk.workshop.broker.script.append(OrderState.ACCEPTED)
    event = desk.workshop.arrives(signal("SIGNAL_CLOSE"))
    desk.workshop.run(event)
    with desk.workshop.sessions.begin() as session:
        session.execute(update(EventRow).where(EventRow.id == event).values(state="parked", next_attempt_at=None))
    desk.workshop.later(61)
    desk.says(event, ResolutionVerdict.NOT_PLACED)
    desk.workshop.run(event)
    assert desk.workshop.event(event).state == "done"
    assert desk.workshop.held() == []
    assert [order.state for order in desk.workshop.orders()] == ["filled", "cancelled", "filled"]


def test_an_order_of_which_a_part_is_filled_was_placed(desk: Desk) -> None:
    event = desk.park()
    with desk.workshop.sessions.begin() as session:
        session.execute(update(OrderRow).values(state="accepted", filled_quantity=4))
    with pytest.raises(CannotResolve, match=r"4 of order .* are filled: it was placed"):
        desk.says(event, ResolutionVerdict.NOT_PLACED)


def test_an_event_that_made_our_code_fail_can_only_be_retried_and_fails_anew(desk: Desk) -> None:
    event = desk.workshop.arrives(signal("SIGNAL_OPEN"))
    with desk.workshop.sessions.begin() as session:
        changed = {"state": "parked", "failures": FAILURES_BEFORE_PARKING, "reason": "it fails"}
        session.execute(update(EventRow).values(changed))
    for verdict in (ResolutionVerdict.FILLED, ResolutionVerdict.NOT_PLACED):
        with pytest.raises(CannotResolve, match="has no unsettled order"):
            desk.says(event, verdict)
    desk.says(event, ResolutionVerdict.RETRY)
    assert (desk.workshop.event(event).failures, desk.workshop.event(event).reason) == (0, None)
    desk.workshop.run(event)
    assert desk.workshop.states() == ["done"]


def test_a_close_that_waited_behind_the_parked_one_goes_on(desk: Desk) -> None:
    parked = desk.park()
    behind = desk.workshop.arrives(signal("SIGNAL_CLOSE"))
    desk.workshop.run(behind)
    assert desk.workshop.event(behind).state == "waiting"
    desk.says(parked, ResolutionVerdict.FILLED)
    desk.workshop.later(61)
    desk.workshop.run(parked)
    assert desk.workshop.states() == ["done", "done"]
    assert desk.workshop.held() == []


def test_a_resolution_waits_for_the_lock_of_the_strategy(desk: Desk) -> None:
    event = desk.park()
    with desk.workshop.sessions.begin() as session:
        session.execute(select(Strategy.id).with_for_update())
        person = threading.Thread(target=desk.says, args=(event, ResolutionVerdict.RETRY))
        person.start()
        eventually(lambda: _assert_somebody_waits(desk.workshop.sessions))
        assert desk.workshop.event(event).state == "parked"
    person.join()
    assert desk.workshop.event(event).state == "received"


def _assert_somebody_waits(sessions: Sessions) -> None:
    blocked = "SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"
    with sessions() as session:
        assert session.scalar(text(f"{blocked} AND datname = current_database()")) == 1
