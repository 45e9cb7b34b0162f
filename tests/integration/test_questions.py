"""Questions to the broker that have no answer before an order is placed, and what the receipt tells of the waiting."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, func, select

from shared.accounts import instruments
from shared.database.engine import Sessions
from shared.database.tables.events import EventRow
from shared.database.tables.orders import WaitRow
from shared.domain import EventId
from tests.support.factories import GOLD, NOW_MS
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import CAPABILITIES, ScriptedBroker, WorkerHarness, open_workshop
from tools.views import receipt as receipts
from workers.brokers.base import BrokerUnavailable, OutcomeUnknown, Withheld
from workers.execution.recording import FAULTS_BEFORE_PARKING

WITHHELD = Withheld("Not sent: the account's budget of 5 requests in 60 s is used up.", 12.0)
PATIENCE = BrokerUnavailable("The broker asks for fewer requests.", 30.0)
AWAY = BrokerUnavailable("away")
ODD = [OutcomeUnknown("lost"), KeyError("hours"), ZeroDivisionError("0")]


@dataclass
class Questioned(ScriptedBroker):
    """Raises what `raised` holds when it is asked whether a market trades, or for its mark."""

    raised: deque[Exception] = field(default_factory=deque)

    def is_open(self, symbol: str, at: datetime) -> bool:
        self._raise()
        return True

    def mark(self) -> str | None:
        self._raise()
        return "7"

    def _raise(self) -> None:
        if self.raised:
            raise self.raised.popleft()


@pytest.fixture(params=["market", "mark"])
def broker(request: pytest.FixtureRequest) -> Questioned:
    """Asked for its mark, or whether a market trades; not both, so that a test knows how often it is asked."""
    return Questioned(capabilities=replace(CAPABILITIES, marks=request.param == "mark"))


@pytest.fixture
def workshop(sessions: Sessions, broker: Questioned) -> WorkerHarness:
    made = replace(open_workshop(sessions), broker=broker)
    if not broker.capabilities.marks:
        with sessions.begin() as session:
            instruments.replace(session, made.account, [replace(GOLD, hours=None)])
    return made


def goes_on(workshop: WorkerHarness, event: EventId, times: int, seconds: float = 61, **values: object) -> None:
    for _ in range(times):
        workshop.run(event, **values)
        workshop.later(seconds)


def receipt(workshop: WorkerHarness, event: EventId) -> dict[str, Any]:
    with workshop.sessions() as session:
        told = receipts.receipt(session, event)
    assert told is not None
    return told


@pytest.mark.parametrize("error", [AWAY, *ODD[:2]], ids=repr)
def test_a_question_without_an_answer_is_asked_again(
    workshop: WorkerHarness, broker: Questioned, error: Exception
) -> None:
    broker.raised.append(error)
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.run(event)
    assert workshop.states() == ["waiting"]
    assert broker.submitted == []
    workshop.later(61)
    workshop.run(event)
    assert workshop.states() == ["done"]
    assert receipt(workshop, event)["waits"] == []


def test_an_adapter_that_breaks_its_contract_is_not_asked_for_ever(workshop: WorkerHarness, broker: Questioned) -> None:
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN")))
    broker.raised = deque([ODD[0]] * 100)
    event = workshop.arrives(signal("SIGNAL_CLOSE"))
    goes_on(workshop, event, FAULTS_BEFORE_PARKING - 1)
    assert workshop.event(event).state == "waiting"
    goes_on(workshop, event, 1)
    assert workshop.event(event).state == "parked"
    assert len(workshop.alerts()) == 1


def test_an_open_expires_meanwhile(workshop: WorkerHarness, broker: Questioned) -> None:
    broker.raised = deque([ODD[0]] * 100)
    event = workshop.arrives(signal("SIGNAL_OPEN", timestamp_ms=NOW_MS))
    goes_on(workshop, event, 2)
    workshop.run(event, open_max_age=1)
    assert (workshop.event(event).state, workshop.event(event).error_type) == ("refused", "expired")


def test_a_close_outlives_any_number_of_questions_while_the_broker_is_away(
    workshop: WorkerHarness, broker: Questioned
) -> None:
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN")))
    broker.raised = deque([AWAY] * (FAULTS_BEFORE_PARKING + 2))
    event = workshop.arrives(signal("SIGNAL_CLOSE"))
    goes_on(workshop, event, FAULTS_BEFORE_PARKING + 2)
    workshop.run(event)
    assert broker.sides() == ["BUY 10", "SELL 10"]


@pytest.mark.parametrize("limit", [WITHHELD, PATIENCE], ids=["ours", "theirs"])
def test_a_finished_receipt_tells_what_waited_for_its_requests(
    workshop: WorkerHarness, broker: Questioned, limit: BrokerUnavailable
) -> None:
    broker.raised = deque([limit, limit])
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    goes_on(workshop, event, 2, 31)
    workshop.run(event)
    told = receipt(workshop, event)
    assert told["state"] == "done"
    (wait,) = told["waits"]
    assert (wait["leg"], wait["times"], wait["reason"]) == ("open", 2, limit.reason)
    assert wait["seconds"] == pytest.approx(2 * (limit.retry_after or 0))
    assert wait["since"] < wait["until"] <= workshop_now(workshop)
    (line,) = [entry["what"] for entry in told["timeline"] if "has to wait" in entry["what"]]
    assert line == f"open leg: has to wait for its requests, {wait['seconds']:.1f} s in 2 waits: {limit.reason}"


def test_each_leg_of_a_flip_waits_by_itself(workshop: WorkerHarness, broker: Questioned) -> None:
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN", "A")))
    broker.script.extend([WITHHELD, None, WITHHELD])
    event = workshop.arrives(signal("SIGNAL_REOPEN", "B"))
    goes_on(workshop, event, 2, 13)
    workshop.run(event)
    waits = receipt(workshop, event)["waits"]
    assert [(wait["leg"], wait["times"], wait["seconds"]) for wait in waits] == [
        ("close", 1, pytest.approx(12.0)),
        ("open", 1, pytest.approx(12.0)),
    ]


def test_what_waited_goes_with_its_event(workshop: WorkerHarness, broker: Questioned) -> None:
    broker.raised.append(WITHHELD)
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.run(event)
    with workshop.sessions.begin() as session:
        assert session.scalar(select(func.count()).select_from(WaitRow)) == 1
        session.execute(delete(EventRow).where(EventRow.id == event))
        assert session.scalar(select(func.count()).select_from(WaitRow)) == 0


def workshop_now(workshop: WorkerHarness) -> datetime:
    with workshop.sessions() as session:
        return workshop.clock(session)
