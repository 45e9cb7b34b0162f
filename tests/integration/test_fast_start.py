"""The fast start: when it falls back to the full path, and that nothing slips in between its look and its order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.database.engine import Sessions
from shared.database.tables.events import EventRow, Strategy
from shared.domain import Direction, Envelope, EventId, EventState, EventType, LifecycleEvent
from shared.inbox import store
from tests.support.in_process_bridge import lifecycle, signal
from tests.support.worker_harness import Workshop, open_workshop
from workers.execution.context import Workbench
from workers.execution.fast_start import begin
from workers.execution.run import execute_event


class Interrupted:
    """Transactions; before the one of this number, something happens. Counts them."""

    def __init__(self, sessions: Sessions, happens: Callable[[], object] = lambda: None, before: int = 0) -> None:
        self._sessions = sessions
        self._happens = happens
        self._before = before
        self.begun = 0

    @contextmanager
    def begin(self) -> Iterator[Session]:
        self.begun += 1
        if self.begun == self._before:
            self._happens()
        with self._sessions.begin() as session:
            yield session


@pytest.fixture
def workshop(sessions: Sessions) -> Workshop:
    return open_workshop(sessions)


@pytest.fixture
def bench(workshop: Workshop) -> Workbench:
    """Of a worker that has spoken with the broker before: about another strategy."""
    made = workshop.bench()
    execute_event(made, workshop.arrives(signal("SIGNAL_OPEN", "before", strategy_id="before")))
    return made


def run(workshop: Workshop, bench: Workbench, event: EventId, happens: Callable[[], object]) -> None:
    """Executes the event; something happens between the look and the order."""
    execute_event(with_(bench, Interrupted(workshop.sessions, happens, before=2)), event)


def with_(bench: Workbench, statements: Interrupted, sessions: Interrupted | None = None) -> Workbench:
    return replace(bench, statements=statements, sessions=sessions or bench.sessions)


def test_a_fresh_event_of_a_strategy_at_rest_takes_two_statements(workshop: Workshop, bench: Workbench) -> None:
    for type_, sides in (("SIGNAL_OPEN", ["BUY 10"]), ("SIGNAL_CLOSE", ["BUY 10", "SELL 10"])):
        short, long = Interrupted(workshop.sessions), Interrupted(workshop.sessions)
        execute_event(with_(bench, short, long), workshop.arrives(signal(type_)))
        assert workshop.broker.sides()[1:] == sides
        assert (short.begun, long.begun) == (2, 1)  # the long one: what the broker said, and the end
    assert workshop.states() == ["done"] * 3
    assert workshop.event(EventId(2)).attempts == 1
    assert workshop.event(EventId(2)).started_at is not None


def test_the_lease_of_the_short_way_is_one(workshop: Workshop, bench: Workbench) -> None:
    turn = begin(bench, workshop.arrives(signal("SIGNAL_OPEN")))
    assert turn is not None
    assert turn.hand is not None
    assert (turn.hand.lease.fence, turn.hand.lease.seconds) == (1, 60)
    with workshop.sessions() as session:
        row = session.get_one(Strategy, turn.hand.lease.strategy)
        assert (row.fence, row.lease_owner) == (1, bench.owner())
    assert begin(bench, workshop.arrives(signal("SIGNAL_CLOSE"))) is None
    execute_event(bench, EventId(3))
    assert workshop.broker.sides() == ["BUY 10"]


def test_an_earlier_event_that_comes_in_between_goes_first(workshop: Workshop, bench: Workbench) -> None:
    earlier = signal("SIGNAL_OPEN", "A")
    run(workshop, bench, workshop.arrives(signal("SIGNAL_OPEN", "B")), lambda: workshop.arrives(earlier))
    assert [held.proquant_position_id for held in workshop.held()] == ["before", "A"]
    assert workshop.states() == ["done", "refused", "done"]


def test_another_worker_that_is_quicker_is_not_followed(workshop: Workshop, bench: Workbench) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN", "A"))
    run(workshop, bench, event, lambda: execute_event(workshop.bench(owner=lambda: "another"), event))
    assert workshop.broker.sides()[1:] == ["BUY 10"]


def test_what_another_worker_did_in_between_is_seen(workshop: Workshop, bench: Workbench) -> None:
    """The look found nothing held; by then a position is, and its worker has let go."""
    opens = signal("SIGNAL_OPEN", "A")
    flip = workshop.arrives(signal("SIGNAL_REOPEN", "B", direction=Direction.SELL))
    run(workshop, bench, flip, lambda: execute_event(workshop.bench(owner=lambda: "another"), workshop.arrives(opens)))
    assert workshop.broker.sides()[1:] == ["BUY 10", "SELL 10", "SELL 10"]


def test_an_integration_that_ends_in_between_opens_nothing(workshop: Workshop, bench: Workbench) -> None:
    def ends() -> None:
        event = LifecycleEvent(EventType.INTEGRATION_DELETED, timestamp_ms=opens.timestamp_ms - 1)
        with workshop.sessions.begin() as session:
            store.add(session, workshop.account, Envelope("v1", None, (), event), "", answered=True)

    opens = signal("SIGNAL_OPEN", "A")
    event = workshop.arrives(opens)
    run(workshop, bench, event, ends)
    assert workshop.event(event).state == "refused"
    assert len(workshop.broker.sides()) == 1


def test_a_strategy_that_is_disabled_in_between_opens_nothing(workshop: Workshop, bench: Workbench) -> None:
    disabled = lifecycle("STRATEGY_DISABLED", "s1")
    event = workshop.arrives(signal("SIGNAL_OPEN", "A"))
    run(workshop, bench, event, lambda: workshop.arrives(disabled))
    assert (workshop.event(event).state, workshop.event(event).error_type) == ("refused", "strategy_disabled")
    assert len(workshop.broker.sides()) == 1


def test_a_strategy_with_something_parked_is_not_at_rest(workshop: Workshop, bench: Workbench) -> None:
    parked = workshop.arrives(signal("SIGNAL_OPEN", "A"))
    with workshop.sessions.begin() as session:
        session.execute(update(EventRow).where(EventRow.id == parked).values(state=EventState.PARKED))
    assert begin(bench, workshop.arrives(signal("SIGNAL_OPEN", "B"))) is None


@pytest.mark.parametrize("broken", [1, 2])
def test_a_connection_that_is_dead_costs_no_event(workshop: Workshop, bench: Workbench, broken: int) -> None:
    def dies() -> None:
        raise OperationalError("gone", None, Exception())

    execute_event(with_(bench, Interrupted(workshop.sessions, dies, broken)), workshop.arrives(signal("SIGNAL_OPEN")))
    assert workshop.states() == ["done", "done"]
    assert workshop.broker.sides() == ["BUY 10", "BUY 10"]


def test_a_call_that_could_outlive_the_lease_is_not_begun(workshop: Workshop, bench: Workbench) -> None:
    ticks = iter([0.0, *[1000.0] * 100])  # looked at, and then a long pause
    execute_event(replace(bench, monotonic=lambda: next(ticks)), workshop.arrives(signal("SIGNAL_OPEN")))
    assert len(workshop.broker.submitted) == 1
    assert workshop.states() == ["done", "waiting"]
    assert [order.state for order in workshop.orders()] == ["filled", "planned"]


def test_a_worker_that_stops_begins_nothing(workshop: Workshop, bench: Workbench) -> None:
    assert begin(replace(bench, stopping=lambda: True), workshop.arrives(signal("SIGNAL_OPEN"))) is None
