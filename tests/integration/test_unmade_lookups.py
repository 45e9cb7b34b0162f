"""Look-ups that our budget or the broker's patience withheld: they count for nothing, and do not go on for ever."""

from collections import deque

import pytest

from shared.database.engine import Sessions
from shared.domain import EventId
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from tools.operations.resolve_event import ResolutionRequest, ResolutionVerdict, resolve
from workers.brokers.base import BrokerUnavailable, OutcomeUnknown, Withheld
from workers.decision.lookup_patience import LOOKUPS_BEFORE_PARKING, UNASKED_SECONDS_BEFORE_PARKING

LOST = OutcomeUnknown("no answer")
PATIENCE = 590.0


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    """With an order that is at the broker, whose answer was lost."""
    made = open_workshop(sessions)
    made.broker.script.append(LOST)
    made.broker.lost = True
    return made


def waits(workshop: WorkerHarness, event: EventId) -> float:
    """Seconds until the event is due."""
    row = workshop.event(event)
    assert (row.state, row.reason) == ("waiting", "asked for patience")
    assert row.next_attempt_at is not None
    with workshop.sessions() as session:
        return (row.next_attempt_at - workshop.clock(session)).total_seconds()


def test_an_order_waits_for_as_long_as_the_broker_said_and_is_found_then(workshop: WorkerHarness) -> None:
    workshop.broker.searched = deque([BrokerUnavailable("asked for patience", PATIENCE)])
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.run(event)
    assert PATIENCE - 5 < waits(workshop, event) <= PATIENCE
    assert [order.lookups for order in workshop.orders()] == [0]
    workshop.later(PATIENCE + 1)
    workshop.run(event)
    assert workshop.states() == ["done"]
    assert len(workshop.broker.submitted) == 1


def test_look_ups_that_our_own_budget_withheld_park_nothing(workshop: WorkerHarness) -> None:
    withheld = Withheld("asked for patience", 2.0)
    workshop.broker.searched = deque([withheld] * (LOOKUPS_BEFORE_PARKING + 2))
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.run(event)
    while workshop.broker.searched:
        assert waits(workshop, event) > 0
        workshop.later(61)
        workshop.run(event)
    workshop.later(61)
    workshop.run(event)
    assert workshop.states() == ["done"]


def test_a_broker_that_cannot_be_asked_is_not_asked_for_ever_and_anew_for_a_person(workshop: WorkerHarness) -> None:
    away = BrokerUnavailable("asked for patience", PATIENCE)
    workshop.broker.searched = deque([away] * 4)
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.run(event)
    workshop.later(UNASKED_SECONDS_BEFORE_PARKING + 61)
    workshop.run(event)
    assert workshop.states() == ["parked"]
    assert "could not be asked" in str(workshop.event(event).reason)
    with workshop.sessions.begin() as session:
        resolve(session, event, ResolutionRequest(ResolutionVerdict.RETRY, "ann"), workshop.clock(session))
    workshop.run(event)
    assert waits(workshop, event) > 0
