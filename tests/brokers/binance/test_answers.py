"""What an answer of Binance proves: every row of its table, every text of a 503, and what says nothing."""

from dataclasses import replace

import pytest

from shared.domain import ErrorType, OrderState
from tests.brokers.binance.orders import order
from tests.contract.binance_bench import settings_of
from tests.simulators.binance.exchange import Exchange
from tests.simulators.binance.words import refusal
from tests.simulators.server import Answer, Fault, Simulator
from workers.brokers.base import BrokerUnavailable, OrderRejected, OutcomeUnknown
from workers.brokers.binance.broker import BinanceBroker
from workers.brokers.binance.errors import CODES, OrderProof
from workers.brokers.binance.settings import parse
from workers.brokers.unmapped_errors import counted

UNKNOWN_503 = "Unknown error, please check your request or try again later."
THROTTLED = "Request throttled by system-level protection. Reduce-only/close-position orders are exempt."


@pytest.mark.parametrize("code", [code for code, meaning in CODES.items() if isinstance(meaning, ErrorType | None)])
def test_each_listed_refusal_has_the_type_of_the_table(simulator: Simulator, broker: BinanceBroker, code: int) -> None:
    simulator.faults.append(refusal(code, "words of Binance"))
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order())
    assert caught.value.type is CODES[code]
    assert str(code) in caught.value.reason
    assert ("binance", str(code)) not in counted()


@pytest.mark.parametrize("code", [code for code, meaning in CODES.items() if meaning is OrderProof.NOT_ACCEPTED])
def test_what_was_not_looked_at_may_be_sent_again(simulator: Simulator, broker: BinanceBroker, code: int) -> None:
    simulator.faults.append(refusal(code, "words of Binance"))
    with pytest.raises(BrokerUnavailable):
        broker.submit(order())


@pytest.mark.parametrize("code", [code for code, meaning in CODES.items() if meaning is OrderProof.UNKNOWN])
def test_what_may_have_been_executed_is_unknown(simulator: Simulator, broker: BinanceBroker, code: int) -> None:
    simulator.faults.append(refusal(code, "words of Binance"))
    with pytest.raises(OutcomeUnknown):
        broker.submit(order())


def test_a_code_of_no_table_is_a_refusal_that_is_counted(simulator: Simulator, broker: BinanceBroker) -> None:
    simulator.faults.append(refusal(-9999, "Something new."))
    before = counted().get(("binance", "-9999"), 0)
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order())
    assert caught.value.type is None
    assert counted()["binance", "-9999"] == before + 1


@pytest.mark.parametrize(
    "answer",
    [
        refusal(-1000, UNKNOWN_503, 503),
        refusal(-1001, "Internal error; unable to process your request. Please try again.", 500),
        refusal(-1007, "Timeout waiting for response from backend server.", 408),
        refusal(-9998, "A code of no table, with the status of a timeout.", 408),
        Answer(408, {"message": "timeout"}),
        Answer(400, {"message": "no code"}),
        Answer(403, b"<html>blocked</html>"),
        Answer(504, b"<html>Gateway Time-out</html>"),
        Answer(200, {"code": 200}),
        Answer(200, []),
    ],
    ids=lambda answer: f"{answer.status} {str(answer.body)[:40]}",
)
def test_an_answer_that_settles_nothing_leaves_the_outcome_unknown(
    simulator: Simulator, broker: BinanceBroker, answer: Answer
) -> None:
    simulator.faults.append(answer)
    with pytest.raises(OutcomeUnknown):
        broker.submit(order())


@pytest.mark.parametrize(
    "answer",
    [
        refusal(-1008, THROTTLED, 503),
        refusal(-1001, "Internal error; unable to process your request. Please try again.", 503),
        refusal(0, "Service Unavailable.", 503),
        Answer(503, b"Service Unavailable."),
    ],
    ids=["throttled", "unable to process", "unavailable", "unavailable, no JSON"],
)
def test_a_503_that_binance_calls_a_failure_proves_that_nothing_was_done(
    simulator: Simulator, broker: BinanceBroker, answer: Answer
) -> None:
    simulator.faults.append(answer)
    with pytest.raises(BrokerUnavailable):
        broker.submit(order())


@pytest.mark.parametrize("body", [{}, [], {"orderId": 1}, {"symbol": "XAUUSDT", "clientOrderId": "another"}])
def test_a_read_that_is_not_understood_is_no_answer(simulator: Simulator, broker: BinanceBroker, body: object) -> None:
    simulator._is_order = lambda call: call.path == "/fapi/v1/order"
    simulator.faults.append(Answer(200, body))
    with pytest.raises(BrokerUnavailable):
        broker.find(order())


def test_an_id_that_is_taken_is_answered_with_the_order_that_has_it(
    exchange: Exchange, simulator: Simulator, broker: BinanceBroker
) -> None:
    sent = order()
    simulator.faults.append(Fault.LOST_AFTER)
    with pytest.raises(OutcomeUnknown):
        broker.submit(sent)
    simulator.faults.append(refusal(-4116, "ClientOrderId is duplicated."))
    assert broker.submit(sent).state is OrderState.FILLED
    assert len(exchange.books.orders) == 1


def test_an_id_that_is_taken_by_an_order_that_is_not_shown_yet_proves_that_the_order_is_there(
    simulator: Simulator, broker: BinanceBroker
) -> None:
    simulator.faults.append(refusal(-4116, "ClientOrderId is duplicated."))
    assert broker.submit(order()).state is OrderState.ACCEPTED


def test_a_wrong_secret_is_refused_as_credentials(exchange: Exchange, simulator: Simulator) -> None:
    settings = replace(parse(settings_of(exchange, simulator.url)), api_secret="another")
    broker = BinanceBroker(settings, 5.0, 0.7)
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order())
    assert caught.value.type is ErrorType.INVALID_CREDENTIALS
    broker.close()


def test_the_secret_and_the_signature_are_in_no_error(simulator: Simulator, broker: BinanceBroker) -> None:
    broker.submit(order())
    simulator.faults.append(Fault.LOST_AFTER)
    with pytest.raises(OutcomeUnknown) as caught:
        broker.submit(order())
    assert "signature" not in repr(caught.value) + repr(caught.value.__cause__)
    assert "secret" not in repr(parse({"api_key": "k", "api_secret": "secret"}))
