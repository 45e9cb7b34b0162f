"""A broker whose look-ups begin at a mark: no order leaves without one, and none is sent again without end."""

from collections import deque
from dataclasses import dataclass, field, replace

import pytest

from shared.database.engine import Sessions
from shared.domain import Direction, EventId, OrderState
from shared.ledger.reports import OrderReport, known_to_broker
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import CAPABILITIES, ScriptedBroker, WorkerHarness, open_workshop
from tools.operations.resolve_event import ResolutionRequest, ResolutionVerdict, resolve
from workers.brokers.base import BrokerUnavailable, OrderRequest, OutcomeUnknown
from workers.decision.lookup_patience import LOOKUPS_BEFORE_PARKING
from workers.decision.planning import ABSENCES_BEFORE_PARKING


@dataclass
class MarkedBroker(ScriptedBroker):
    """Finds no order that it is asked for without a mark, and none while `hidden`.

    `marks`: what it says of its mark, in turn; then "7".
    """

    marks: deque[Exception | str] = field(default_factory=deque)
    refuses_known: bool = False
    hidden: bool = False

    def mark(self) -> str | None:
        said = self.marks.popleft() if self.marks else "7"
        if isinstance(said, Exception):
            raise said
        return said

    def submit(self, order: OrderRequest) -> OrderReport:
        if self.refuses_known and order.client_order_id in self.books:
            self.submitted.append(order)
            return known_to_broker(order.client_order_id, "it is there")
        return super().submit(order)

    def find(self, order: OrderRequest) -> OrderReport | None:
        return None if self.hidden or order.mark is None else super().find(order)


@pytest.fixture
def broker() -> MarkedBroker:
    return MarkedBroker(capabilities=replace(CAPABILITIES, marks=True))


@pytest.fixture
def workshop(sessions: Sessions, broker: MarkedBroker) -> WorkerHarness:
    made = open_workshop(sessions)
    made.broker = broker
    return made


def execute(workshop: WorkerHarness, event: EventId, most: int = 100) -> None:
    """Rings the worker until the event is over or parked, and the time is put forward in between."""
    for _ in range(most):
        workshop.run(event)
        if workshop.event(event).state not in {"received", "waiting", "executing"}:
            return
        workshop.later(61)
    raise AssertionError(f"it does not end: {workshop.event(event).reason}")


def test_the_open_leg_waits_for_its_mark_when_the_close_legs_answer_was_lost(
    workshop: WorkerHarness, broker: MarkedBroker
) -> None:
    """It was sent with none, executed, never found, and executed again."""
    execute(workshop, workshop.arrives(signal("SIGNAL_OPEN", "P")))
    broker.lost = True
    broker.script.extend([OutcomeUnknown("no answer"), OutcomeUnknown("no answer")])
    broker.searched.append(BrokerUnavailable("503 for the look-up"))
    flip = workshop.arrives(signal("SIGNAL_REOPEN", "P", direction=Direction.SELL))
    workshop.run(flip)
    workshop.later(61)
    broker.marks.extend([BrokerUnavailable("503 for the mark")] * 3)
    execute(workshop, flip)
    assert not broker.marks
    assert [order.mark for order in broker.submitted] == ["7", "7", "7"]
    assert broker.sides() == ["BUY 10", "SELL 10", "SELL 10"]
    assert [order.attempts for order in workshop.orders()] == [1, 1, 1]
    assert workshop.states() == ["done", "done"]


def test_an_order_that_the_broker_refuses_as_known_is_not_sent_a_third_time(
    workshop: WorkerHarness, broker: MarkedBroker
) -> None:
    broker.lost, broker.refuses_known, broker.hidden = True, True, True
    broker.script.append(OutcomeUnknown("no answer"))
    event = workshop.arrives(signal("SIGNAL_OPEN", "P"))
    for _ in range(3):
        workshop.run(event)
        workshop.later(61)
    assert [order.state for order in workshop.orders()] == ["accepted"]
    broker.hidden = False
    execute(workshop, event)
    assert workshop.states() == ["done"]
    assert broker.sides() == ["BUY 10"]
    assert len(broker.submitted) == 2


def test_what_is_known_and_never_shown_ends_with_a_person(workshop: WorkerHarness, broker: MarkedBroker) -> None:
    broker.script.append(OrderState.ACCEPTED)
    event = workshop.arrives(signal("SIGNAL_OPEN", "P"))
    broker.searched = deque([OutcomeUnknown("not shown")] * (LOOKUPS_BEFORE_PARKING + 2))
    execute(workshop, event)
    assert workshop.states() == ["parked"]
    assert len(broker.submitted) == 1


def test_sends_of_which_the_broker_never_knows_anything_end_with_a_person(
    workshop: WorkerHarness, broker: MarkedBroker
) -> None:
    broker.script = deque([OutcomeUnknown("no answer")] * 20)
    event = workshop.arrives(signal("SIGNAL_OPEN", "P"))
    execute(workshop, event)
    assert workshop.states() == ["parked"]
    assert workshop.alerts() == ["parked"]
    assert len(broker.submitted) == ABSENCES_BEFORE_PARKING
    assert "the broker did not have it" in (workshop.event(event).reason or "")


def test_what_a_person_hands_back_may_be_sent_again(workshop: WorkerHarness, broker: MarkedBroker) -> None:
    broker.script = deque([OutcomeUnknown("no answer")] * ABSENCES_BEFORE_PARKING)
    event = workshop.arrives(signal("SIGNAL_OPEN", "P"))
    execute(workshop, event)
    with workshop.sessions.begin() as session:
        resolve(session, event, ResolutionRequest(ResolutionVerdict.RETRY, "ann"), workshop.clock(session))
    execute(workshop, event)
    assert workshop.states() == ["done"]
    assert broker.sides() == ["BUY 10"]
