"""Which event of a strategy is next, and which moves a state allows."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import insert, update

from shared.database.engine import Sessions
from shared.database.tables.events import EventRow
from shared.database.tables.orders import OrderRow
from shared.domain import (
    EVENT_TRANSITIONS,
    FINISHED,
    Direction,
    ErrorType,
    EventId,
    EventState,
    OrderState,
    Refusal,
    SkipReason,
    StrategyKey,
)
from shared.errors import IllegalTransition
from shared.inbox import states
from shared.inbox.states import Due
from tests.support.in_process_bridge import lifecycle, signal
from tests.support.worker_harness import WorkerHarness, open_workshop

SOON = timedelta(seconds=30)


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    return open_workshop(sessions)


def now() -> datetime:
    return datetime.now(UTC)


def next_due(workshop: WorkerHarness, later: timedelta = timedelta()) -> Due:
    with workshop.sessions.begin() as session:
        return states.next_due(session, StrategyKey(workshop.strategy().id), now() + later)


def put(workshop: WorkerHarness, event: EventId, state: EventState, **values: object) -> None:
    with workshop.sessions.begin() as session:
        ended = now() if state in FINISHED else None
        values = {"state": state, "finished_at": ended, **values}
        session.execute(update(EventRow).where(EventRow.id == event).values(**values))


def order_of(workshop: WorkerHarness, event: EventId, state: OrderState) -> None:
    values = {
        "leg": "open",
        "generation": 0,
        "client_order_id": f"pq-{event}",
        "symbol": "XAU_USD",
        "side": Direction.BUY,
        "quantity": Decimal(1),
    }
    with workshop.sessions.begin() as session:
        session.execute(insert(OrderRow).values(event_id=event, state=state, **values))


def test_the_earliest_by_proquants_timestamp_is_next_whatever_came_first(workshop: WorkerHarness) -> None:
    earlier, later = signal("SIGNAL_OPEN"), signal("SIGNAL_CLOSE")
    workshop.arrives(later)
    first = workshop.arrives(earlier)
    assert next_due(workshop).event == first


def test_of_two_with_one_timestamp_the_first_to_arrive_is_next(workshop: WorkerHarness) -> None:
    one = signal("SIGNAL_CLOSE", "x")
    first = workshop.arrives(one)
    workshop.arrives(signal("SIGNAL_OPEN", "y", timestamp_ms=one.timestamp_ms))
    assert next_due(workshop).event == first


@pytest.mark.parametrize("state", OrderState)
def test_what_has_begun_is_ended_before_an_earlier_one_begins(workshop: WorkerHarness, state: OrderState) -> None:
    earlier, later = signal("SIGNAL_OPEN"), signal("SIGNAL_OPEN", "y")
    begun = workshop.arrives(later)
    workshop.arrives(earlier)
    put(workshop, begun, EventState.EXECUTING)
    order_of(workshop, begun, state)
    assert next_due(workshop).event == begun


def test_an_event_that_waits_holds_back_the_later_ones_and_says_until_when(workshop: WorkerHarness) -> None:
    first, _ = workshop.arrives(signal("SIGNAL_OPEN")), workshop.arrives(signal("SIGNAL_CLOSE"))
    put(workshop, first, EventState.WAITING, next_attempt_at=now() + SOON)
    due = next_due(workshop)
    assert (due.event, due.waiting) == (None, first)
    assert due.next_at is not None
    assert next_due(workshop, SOON * 2).event == first


@pytest.mark.parametrize("state", [EventState.RECEIVED, EventState.EXECUTING])
def test_an_event_that_a_dead_worker_left_is_taken_up_again(workshop: WorkerHarness, state: EventState) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    put(workshop, event, state)
    assert next_due(workshop).event == event


@pytest.mark.parametrize("state", [EventState.DONE, EventState.REFUSED, EventState.SKIPPED, EventState.PARKED])
def test_an_event_that_is_over_or_parked_is_not_next(workshop: WorkerHarness, state: EventState) -> None:
    put(workshop, workshop.arrives(signal("SIGNAL_OPEN")), state)
    assert next_due(workshop) == Due(None)


@pytest.mark.parametrize("type_", ["SIGNAL_OPEN", "SIGNAL_REOPEN"])
def test_while_one_is_parked_nothing_is_opened_and_a_close_goes_on(workshop: WorkerHarness, type_: str) -> None:
    put(workshop, workshop.arrives(signal("SIGNAL_OPEN", "a")), EventState.PARKED)
    workshop.arrives(signal(type_, "b"))
    assert next_due(workshop).event is None
    close = workshop.arrives(signal("SIGNAL_CLOSE", "a"))
    assert next_due(workshop).event == close


def test_what_is_parked_in_another_strategy_holds_back_nothing(workshop: WorkerHarness) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN", "a"))
    key = StrategyKey(workshop.strategy().id)
    put(workshop, workshop.arrives(signal("SIGNAL_OPEN", "b", strategy_id="s2")), EventState.PARKED)
    with workshop.sessions.begin() as session:
        assert states.next_due(session, key, now()).event == event


def test_a_signal_needs_a_broker_and_a_lifecycle_event_does_not(workshop: WorkerHarness) -> None:
    event = workshop.arrives(lifecycle("STRATEGY_ENABLED", "s1"))
    assert next_due(workshop).trades is False
    put(workshop, event, EventState.DONE)
    workshop.arrives(signal("SIGNAL_OPEN"))
    assert (next_due(workshop).trades, next_due(workshop).account) == (True, workshop.account)


def move(workshop: WorkerHarness, event: EventId, to: EventState) -> None:
    refusal = Refusal(ErrorType.MARKET_CLOSED, "closed") if to is EventState.REFUSED else None
    skip = SkipReason.SUPERSEDED if to is EventState.SKIPPED else None
    with workshop.sessions.begin() as session:
        if to is EventState.EXECUTING:
            if states.take_next(session, StrategyKey(workshop.strategy().id), now()).event != event:
                raise IllegalTransition("It was not taken up.")
        elif to is EventState.WAITING:
            states.wait(session, event, now(), "later")
        elif to is EventState.PARKED:
            states.park(session, event, "unclear")
        else:
            states.finish(session, event, to, now(), refusal, skip)


WORKERS_MOVES = [state for state in EventState if state is not EventState.RECEIVED]


@pytest.mark.parametrize("before", EventState)
@pytest.mark.parametrize("after", WORKERS_MOVES)
def test_a_state_is_left_only_along_an_arrow_of_the_graph(
    workshop: WorkerHarness, before: EventState, after: EventState
) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    put(workshop, event, before, next_attempt_at=now())
    if after in EVENT_TRANSITIONS[before]:
        move(workshop, event, after)
        assert workshop.event(event).state == after
        return
    with pytest.raises(IllegalTransition):
        move(workshop, event, after)
    assert workshop.event(event).state == before


def test_an_end_tells_whether_proquant_has_been_answered_already(workshop: WorkerHarness) -> None:
    told, untold = workshop.arrives(signal("SIGNAL_OPEN"), answered=True), workshop.arrives(signal("SIGNAL_CLOSE"))
    for event, answered in ((told, True), (untold, False)):
        put(workshop, event, EventState.EXECUTING)
        with workshop.sessions.begin() as session:
            assert states.finish(session, event, EventState.DONE, now()) is answered


def test_the_first_take_up_is_remembered_and_all_are_counted(workshop: WorkerHarness) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    move(workshop, event, EventState.EXECUTING)
    first = workshop.event(event).started_at
    move(workshop, event, EventState.WAITING)
    move(workshop, event, EventState.EXECUTING)
    row = workshop.event(event)
    assert (row.started_at, row.attempts, row.next_attempt_at, row.reason) == (first, 2, None, None)
