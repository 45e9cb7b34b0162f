"""What each answer of an adapter proves: exceptions become one of a closed set, and none passes for a rejection."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain import ErrorType, EventType, Leg, OrderState
from shared.ledger.reports import OrderReport
from tests.support.factories import LIMITS, NOW, held, order, report, situation
from tests.support.worker_harness import CAPABILITIES, ScriptedBroker
from workers.brokers.base import BrokerError, BrokerUnavailable, OrderRejected, OrderRequest, OutcomeUnknown, Withheld
from workers.decision.steps import (
    BrokerAnswer,
    LookupInconclusive,
    LookupNotMade,
    MarkAnswer,
    MarketAnswer,
    NotSent,
    ProvenAbsent,
    Rejected,
    Reported,
    SubmitUnknown,
    Unreachable,
)
from workers.execution import broker_calls

SITUATION = situation(EventType.SIGNAL_OPEN)
SENT = order(Leg.OPEN, OrderState.SUBMITTING, in_flight_until=NOW)
LATE = NOW + timedelta(seconds=LIMITS.settle)
EARLY = LATE - timedelta(microseconds=1)
NO_FUNDS = OrderRejected(ErrorType.INSUFFICIENT_FUNDS, "no funds")
BUGS = [KeyError("price"), TimeoutError("read"), ZeroDivisionError("0"), BrokerError("bare")]


@dataclass
class Raising(ScriptedBroker):
    """Raises the same whatever it is asked."""

    error: Exception = KeyError("unset")  # noqa: RUF009  # never changed

    def submit(self, order: OrderRequest) -> OrderReport:
        raise self.error

    def find(self, order: OrderRequest) -> OrderReport | None:
        raise self.error

    def is_open(self, symbol: str, at: object) -> bool:
        raise self.error

    def mark(self) -> str | None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (NO_FUNDS, Rejected(SENT, NO_FUNDS)),
        (BrokerUnavailable("away", 7.0), NotSent(SENT, "away", 7.0)),
        (OutcomeUnknown("no answer"), SubmitUnknown(SENT, "no answer")),
        *((bug, SubmitUnknown(SENT, f"The adapter raised {type(bug).__name__}.")) for bug in BUGS),
    ],
    ids=repr,
)
def test_what_a_submit_that_raises_proves(error: Exception, answer: BrokerAnswer) -> None:
    assert broker_calls.submit(Raising(error=error), SITUATION, SENT) == answer


def test_a_report_is_taken_as_it_is() -> None:
    broker = ScriptedBroker()
    answer = broker_calls.submit(broker, SITUATION, SENT)
    assert answer == Reported(SENT, broker.books[SENT.client_order_id])


@pytest.mark.parametrize("error", [NO_FUNDS, OutcomeUnknown("lost"), *BUGS], ids=repr)
def test_a_look_up_that_raises_proves_nothing(error: Exception) -> None:
    answer = broker_calls.look_up(Raising(error=error), SITUATION, SENT, LATE, LIMITS)
    assert isinstance(answer, LookupInconclusive)
    assert answer.reason


@pytest.mark.parametrize("withheld", [BrokerUnavailable, Withheld])
def test_a_look_up_that_was_not_made_is_none(withheld: type[BrokerUnavailable]) -> None:
    answer = broker_calls.look_up(Raising(error=withheld("away", 7.0)), SITUATION, SENT, LATE, LIMITS)
    assert answer == LookupNotMade(SENT, "away", 7.0)


@pytest.mark.parametrize(
    ("asked_at", "kind"), [(EARLY, LookupInconclusive), (LATE, ProvenAbsent)], ids=["early", "late"]
)
def test_not_found_is_a_proof_only_when_all_has_settled(asked_at: object, kind: type[BrokerAnswer]) -> None:
    assert isinstance(broker_calls.look_up(ScriptedBroker(), SITUATION, SENT, asked_at, LIMITS), kind)  # type: ignore[arg-type]


def test_an_order_that_the_broker_has_reported_cannot_be_absent() -> None:
    accepted = order(state=OrderState.ACCEPTED, in_flight_until=NOW)
    answer = broker_calls.look_up(ScriptedBroker(), SITUATION, accepted, LATE + timedelta(days=1), LIMITS)
    assert answer == LookupInconclusive(accepted, "The broker does not show the order yet.")


def test_what_is_found_is_reported_however_early() -> None:
    broker = ScriptedBroker()
    broker.books[SENT.client_order_id] = report(SENT)
    answer = broker_calls.look_up(broker, SITUATION, SENT, EARLY, LIMITS)
    assert answer == Reported(SENT, report(SENT))


def test_a_close_leg_tells_what_its_open_left_at_the_broker() -> None:
    broker = ScriptedBroker()
    closing = order(Leg.CLOSE, quantity=Decimal(7))
    broker_calls.submit(broker, situation(EventType.SIGNAL_CLOSE, held=held(trade_id="t-1")), closing)
    opening = broker.submitted[0].opening
    assert opening is not None
    assert (opening.client_order_id, opening.broker_order_id, opening.trade_id) == ("pq-opened", "b-1", "t-1")


def test_an_open_leg_names_no_opening_also_while_something_is_held() -> None:
    broker = ScriptedBroker()
    broker_calls.submit(broker, situation(EventType.SIGNAL_OPEN, held=held()), SENT)
    assert broker.submitted[0].opening is None


def test_a_market_that_cannot_be_asked_for_is_unreachable() -> None:
    marks = replace(CAPABILITIES, marks=True)
    away = Raising(error=BrokerUnavailable("away", 3.0), capabilities=marks)
    assert broker_calls.ask_market(away, "XAU_USD", NOW) == Unreachable("away", 3.0)
    assert broker_calls.ask_mark(away) == Unreachable("away", 3.0)
    assert broker_calls.ask_market(ScriptedBroker(), "XAU_USD", NOW) == MarketAnswer("XAU_USD", True)


def test_a_broker_without_marks_is_not_asked_for_one() -> None:
    assert broker_calls.ask_mark(Raising(error=BrokerUnavailable("away"))) == MarkAnswer(None)


@pytest.mark.parametrize("error", [NO_FUNDS, OutcomeUnknown("lost"), *BUGS], ids=repr)
def test_what_no_question_may_raise_is_no_answer_and_is_counted(error: Exception) -> None:
    odd = Raising(error=error, capabilities=replace(CAPABILITIES, marks=True))
    for said in (broker_calls.ask_market(odd, "XAU_USD", NOW), broker_calls.ask_mark(odd)):
        assert isinstance(said, Unreachable)
        assert said.faulty
        assert said.reason
        assert said.retry_after is None
