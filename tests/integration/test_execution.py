"""Executing events while the database, the broker, the lease or our own code fails."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.database.engine import Sessions
from shared.database.tables.events import Strategy
from shared.database.tables.orders import OrderRow
from shared.domain import EventId, OrderState
from shared.situation.load import situation_of
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import ScriptedBroker, WorkerHarness, open_workshop
from workers.brokers.base import BrokerUnavailable, OrderReport, OrderRequest, OutcomeUnknown

AWAY = OperationalError("COMMIT", {}, Exception("server closed the connection"))


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    return open_workshop(sessions)


@dataclass
class Failing:
    """Sessions whose transactions end badly where the plan says so: before the commit, or after it was applied."""

    sessions: Sessions
    plan: dict[int, str] = field(default_factory=dict)
    begun: int = 0

    @contextmanager
    def begin(self) -> Iterator[Session]:
        number, self.begun = self.begun, self.begun + 1
        told = self.plan.get(number)
        if told == "refused":
            raise AWAY
        with self.sessions.begin() as session:
            yield session
            if told == "lost":
                raise AWAY
        if told == "applied":
            raise AWAY


@dataclass
class Interrupting(ScriptedBroker):
    """Does something while a submit is under way."""

    meanwhile: Any = None

    def submit(self, order: OrderRequest) -> OrderReport:
        report = super().submit(order)
        self.meanwhile()
        return report


def failing(workshop: WorkerHarness, **plan: str) -> Any:
    return Failing(workshop.sessions, {int(number.removeprefix("at")): told for number, told in plan.items()})


@pytest.mark.parametrize("told", ["refused", "lost", "applied"])
@pytest.mark.parametrize("number", range(6))
def test_a_database_that_fails_once_doubles_and_loses_nothing(workshop: WorkerHarness, told: str, number: int) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    sessions = failing(workshop, **{f"at{number}": told})
    try:
        workshop.run(event, sessions=sessions)
    except OperationalError:
        workshop.later(61)  # the lease runs out, and the sweep rings again
    workshop.run(event)
    workshop.later(61)
    workshop.run(event)
    assert workshop.broker.sides() == ["BUY 10"]
    assert workshop.states() == ["done"]
    assert [held.quantity for held in workshop.held()] == [10]


def test_an_answer_of_the_broker_is_recorded_when_the_database_comes_back(workshop: WorkerHarness) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    sessions = failing(workshop, at2="refused", at3="refused", at4="lost")
    workshop.run(event, sessions=sessions)
    assert workshop.states() == ["done"]
    assert len(workshop.broker.submitted) == 1


def test_an_event_that_breaks_our_code_does_not_cost_the_answer_to_the_one_before(
    workshop: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both were to be written in one transaction: then the first alone is, and the second is set aside."""
    first, second = workshop.arrives(signal("SIGNAL_OPEN")), workshop.arrives(signal("SIGNAL_CLOSE"))
    monkeypatch.setattr("shared.situation.load.situation_of", lambda due: situation_of([{first: r}[r.id] for r in due]))
    with pytest.raises(KeyError):
        workshop.run(first)
    assert workshop.states() == ["done", "waiting"]
    assert workshop.announced == [first]
    assert [held.quantity for held in workshop.held()] == [10]
    monkeypatch.undo()
    workshop.later(61)
    workshop.run(second)
    assert workshop.states() == ["done", "done"]
    assert workshop.broker.sides() == ["BUY 10", "SELL 10"]


def test_what_changes_while_an_order_is_filled_is_seen(workshop: WorkerHarness) -> None:
    """An order that was settled behind our back is not settled again."""

    def settle() -> None:
        with workshop.sessions.begin() as session:
            session.execute(update(OrderRow).values(state="unknown"))

    workshop.broker = Interrupting(meanwhile=settle)
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN")))
    assert workshop.states() == ["done"]
    assert [(order.state, int(order.filled_quantity)) for order in workshop.orders()] == [("filled", 10)]
    assert [held.quantity for held in workshop.held()] == [10]


def test_a_worker_gives_up_on_the_database_when_its_lease_is_over(workshop: WorkerHarness) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    sessions = failing(workshop, **{f"at{number}": "refused" for number in range(2, 50)})
    ticks = iter([0.0] * 3 + [100.0] * 100)
    with pytest.raises(OperationalError):
        workshop.run(event, sessions=sessions, monotonic=lambda: next(ticks))
    assert sessions.begun == 3
    assert [order.state for order in workshop.orders()] == ["submitting"]


def test_an_order_whose_answer_was_never_recorded_is_found_and_not_sent_again(workshop: WorkerHarness) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.broker.script.append(SystemExit())  # the process dies right after the broker has accepted
    workshop.broker.lost = True
    with pytest.raises(SystemExit):
        workshop.run(event)
    workshop.later(61)
    workshop.run(event)
    assert len(workshop.broker.submitted) == 1
    assert workshop.states() == ["done"]


def test_a_worker_that_was_taken_over_writes_nothing_and_sends_nothing(workshop: WorkerHarness) -> None:
    def take_over() -> None:
        with workshop.sessions.begin() as session:
            session.execute(update(Strategy).values(fence=Strategy.fence + 1, lease_owner="another"))

    workshop.broker = Interrupting(meanwhile=take_over)
    first, second = workshop.arrives(signal("SIGNAL_OPEN")), workshop.arrives(signal("SIGNAL_CLOSE"))
    workshop.run(first)
    assert workshop.states() == ["executing", "received"]
    assert [order.state for order in workshop.orders()] == ["submitting"]
    assert workshop.announced == []
    assert second not in {event for event, _ in workshop.woken}
    assert workshop.strategy().lease_owner == "another"


def test_a_call_that_could_outlive_the_lease_is_not_begun(workshop: WorkerHarness) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    ticks = iter([0.0, 0.0, *[1000.0] * 100])  # claimed, decided, and then a long pause
    workshop.run(event, monotonic=lambda: next(ticks))
    assert workshop.broker.submitted == []
    assert workshop.states() == ["waiting"]
    assert [order.state for order in workshop.orders()] == ["planned"]


def test_a_worker_that_stops_begins_no_order_and_the_event_waits(workshop: WorkerHarness) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    asked = iter([False, True, True, True])  # claimed, and then
    workshop.run(event, stopping=lambda: next(asked))
    assert workshop.broker.submitted == []
    assert workshop.states() == ["waiting"]
    assert workshop.strategy().lease_owner is None
    workshop.run(event)
    assert workshop.states() == ["done"]


def test_a_worker_that_stops_takes_up_nothing_and_lets_go(workshop: WorkerHarness) -> None:
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN")), stopping=lambda: True)
    assert workshop.states() == ["received"]
    assert workshop.strategy().lease_owner is None


def test_a_worker_that_stops_still_learns_what_became_of_its_order(workshop: WorkerHarness) -> None:
    stop = threading.Event()
    workshop.broker = Interrupting(meanwhile=stop.set)
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN")), stopping=stop.is_set)
    assert workshop.states() == ["done"]


def test_an_event_that_the_broker_was_away_for_is_woken_when_it_may_be_tried_again(workshop: WorkerHarness) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.broker.script.append(BrokerUnavailable("maintenance", retry_after=42))
    began = datetime.now().astimezone()
    workshop.run(event)
    ((woken, at),) = workshop.woken[:1]
    assert woken == event
    assert 41 < (at - began).total_seconds() < 45
    workshop.later(43)
    workshop.run(event)
    assert workshop.states() == ["done"]
    assert len({order.client_order_id for order in workshop.broker.submitted}) == 1


def test_an_unknown_outcome_is_looked_up_and_not_sent_again(workshop: WorkerHarness) -> None:
    workshop.broker.script.append(OutcomeUnknown("timeout"))
    workshop.broker.lost = True
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN")))
    assert len(workshop.broker.submitted) == 1
    assert workshop.states() == ["done"]


def test_an_order_that_is_proven_absent_is_sent_again_under_the_same_id(workshop: WorkerHarness) -> None:
    workshop.broker.script.append(OutcomeUnknown("timeout"))
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.run(event)
    workshop.later(2)
    workshop.run(event)
    assert workshop.states() == ["done"]
    assert workshop.broker.sides() == ["BUY 10"]
    assert len({order.client_order_id for order in workshop.broker.submitted}) == 1


def test_a_working_order_holds_back_the_later_events_of_its_strategy(workshop: WorkerHarness) -> None:
    workshop.broker.script.append(OrderState.ACCEPTED)
    opened, _ = workshop.arrives(signal("SIGNAL_OPEN")), workshop.arrives(signal("SIGNAL_CLOSE"))
    workshop.run(opened)
    assert workshop.states() == ["waiting", "received"]
    assert [order.state for order in workshop.orders()] == ["accepted"]


def test_every_end_is_announced_once_and_nothing_else_is(workshop: WorkerHarness) -> None:
    events = [workshop.arrives(signal("SIGNAL_OPEN")), workshop.arrives(signal("SIGNAL_CLOSE"))]
    workshop.broker.script = deque([BrokerUnavailable("away")])
    workshop.run(events[0])
    assert workshop.announced == []
    workshop.later(2)
    workshop.run(events[0])
    assert workshop.announced == events


def test_a_doorbell_for_an_event_that_is_finished_or_unknown_does_nothing(workshop: WorkerHarness) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.run(event)
    workshop.run(event)
    workshop.run(EventId(10**9))
    assert len(workshop.broker.submitted) == 1
    assert workshop.strategy().lease_owner is None
