"""The `http` adapter by itself: what it makes of a far end that does not keep to the contract, and of odd settings."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate

from shared.domain import ClientOrderId, Direction, ErrorType, Leg, OrderState
from tests.contract.rest_bench import DOCUMENT
from tests.simulators.server import Answer, Call, Simulator
from workers.brokers.base import BrokerUnavailable, Dedupe, OrderRejected, OrderRequest, OutcomeUnknown
from workers.brokers.registry import make_broker
from workers.brokers.rest import errors
from workers.brokers.rest.broker import UNTOLD_SETTLE_SECONDS, RestBroker
from workers.brokers.rest.settings import parse
from workers.brokers.unmapped_errors import counted
from workers.decision.steps import MarkAnswer
from workers.execution import broker_calls

PROBLEM = {"Content-Type": errors.PROBLEM_JSON}
GOLD = {"ticker": "XAUUSD", "symbol": "XAU", "minimum": "1", "maximum": "500", "step": "0.5", "currency": "USD"}
ORDER = OrderRequest(ClientOrderId("pq-1"), "XAU", Direction.BUY, Decimal(10), Leg.OPEN, "s", "p")
REPORT: dict[str, object] = {
    "client_order_id": "pq-1",
    "broker_order_id": "7",
    "state": "filled",
    "filled_quantity": "10",
    "average_price": "1900.5",
}
Answers = dict[tuple[str, str], Answer]
Made = Callable[[Answers], RestBroker]


@pytest.fixture
def calls() -> list[Call]:
    return []


@pytest.fixture
def far_end(calls: list[Call]) -> Iterator[Made]:
    """Makes a broker whose far end gives these answers, by method and path; gold is listed."""
    running: list[Any] = []

    def make(answers: Answers) -> RestBroker:
        known = {("GET", "/bridge/instruments"): Answer(200, {"instruments": [GOLD]})}
        known |= {(method, f"/bridge{path}"): answer for (method, path), answer in answers.items()}

        def answer(call: Call) -> Answer:
            calls.append(call)
            return known[call.method, call.path]

        context = Simulator(answer, lambda _: False).running()
        broker = RestBroker(f"{context.__enter__().url}/bridge", "secret", call_seconds=0.5)
        running.append((broker, context))
        return broker

    yield make
    for broker, context in running:
        broker.close()
        context.__exit__(None, None, None)


def problem(status: int, word: str) -> Answer:
    return Answer(status, {"type": word, "detail": "A sentence."}, PROBLEM)


def put(answer: Answer) -> Answers:
    return {("PUT", "/orders/pq-1"): answer}


def got(answer: Answer) -> Answers:
    return {("GET", "/orders/pq-1"): answer}


def test_the_document_is_a_valid_openapi_document() -> None:
    document = yaml.safe_load(DOCUMENT.read_text())
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_the_document_lists_the_refusals_that_the_table_lists() -> None:
    schemas = yaml.safe_load(DOCUMENT.read_text())["components"]["schemas"]
    assert set(schemas["ErrorType"]["enum"]) == {*ErrorType, errors.OTHER}
    assert set(errors.REFUSALS) == {*ErrorType, errors.OTHER, errors.MALFORMED}


@pytest.mark.parametrize(("word", "type_"), [*((word, word) for word in ErrorType), ("other", None)])
@pytest.mark.parametrize("status", [400, 422])
def test_a_problem_of_the_contract_is_a_refusal(far_end: Made, status: int, word: str, type_: ErrorType | None) -> None:
    with pytest.raises(OrderRejected) as caught:
        far_end(put(problem(status, word))).submit(ORDER)
    assert (caught.value.type, caught.value.reason) == (type_, "A sentence.")


def test_a_refusal_in_an_unknown_word_is_definitive_and_counted(far_end: Made) -> None:
    before = counted().get(("http", "about:blank"), 0)
    with pytest.raises(OrderRejected) as caught:
        far_end(put(problem(422, "about:blank"))).submit(ORDER)
    assert caught.value.type is None
    assert counted()["http", "about:blank"] == before + 1


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, b"<html>nginx</html>", {"Content-Type": "text/html"}),
        Answer(409, b"<html>try again</html>", {"Content-Type": "text/html"}),
        Answer(409, b""),
        Answer(403, {"message": "Forbidden"}),
        Answer(422, {"type": "InsufficientFunds", "detail": "not as a problem"}),
        Answer(422, {"detail": "no type"}, PROBLEM),
        Answer(302, {}, {"Location": "/elsewhere"}),
        problem(500, "InsufficientFunds"),
        Answer(200, {}),
        Answer(200, REPORT | {"client_order_id": "pq-2"}),
        Answer(200, REPORT | {"state": "submitting"}),
        Answer(200, REPORT | {"state": "done"}),
        Answer(200, REPORT | {"filled_quantity": 10}),
        Answer(200, REPORT | {"filled_quantity": "-10"}),
        Answer(200, REPORT | {"filled_quantity": "1e1"}),
        Answer(200, REPORT | {"average_price": "NaN"}),
        Answer(
            200, REPORT | {"fills": [{"fill_id": "1", "quantity": "10", "price": "1", "at": "2026-03-02T12:00:00"}]}
        ),
    ],
    ids=lambda answer: f"{answer.status} {str(answer.body)[-40:]}",
)
def test_an_answer_outside_the_contract_says_nothing_about_the_order(far_end: Made, answer: Answer) -> None:
    with pytest.raises(OutcomeUnknown):
        far_end(put(answer)).submit(ORDER)


@pytest.mark.parametrize(
    "answer",
    [problem(409, "conflict"), problem(409, "duplicate_order"), Answer(409, {"error": "exists"})],
    ids=["conflict", "another word", "no problem"],
)
def test_a_409_for_our_id_proves_that_the_order_is_there(far_end: Made, answer: Answer) -> None:
    """As an unknown outcome it was sent again 42 times in three minutes."""
    report = far_end(put(answer)).submit(ORDER)
    assert (report.state, report.filled_quantity) == (OrderState.ACCEPTED, Decimal(0))


@pytest.mark.parametrize("word", ["MarketClosed", "PositionAlreadyExists", "other"])
def test_a_409_that_is_a_refusal_of_the_contract_is_one(far_end: Made, word: str) -> None:
    with pytest.raises(OrderRejected):
        far_end(put(problem(409, word))).submit(ORDER)


def test_a_refused_order_may_also_come_as_a_report(far_end: Made) -> None:
    refused = REPORT | {"state": "rejected", "filled_quantity": "0", "error": "MarketClosed", "reason": "Closed."}
    with pytest.raises(OrderRejected) as caught:
        far_end(put(Answer(200, refused))).submit(ORDER)
    assert (caught.value.type, caught.value.reason) == (ErrorType.MARKET_CLOSED, "Closed.")


def test_only_the_contracts_own_404_means_that_an_order_is_not_there(far_end: Made) -> None:
    assert far_end(got(problem(404, "order_not_found"))).find(ORDER) is None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, b"<html>nginx</html>", {"Content-Type": "text/html"}),
        Answer(404, {"type": "order_not_found", "detail": "not as a problem"}),
        problem(404, "other"),
        problem(410, "order_not_found"),
        problem(401, "InvalidCredentials"),
        Answer(200, REPORT | {"client_order_id": "pq-2"}),
        Answer(200, []),
    ],
)
def test_no_other_answer_means_that_an_order_is_not_there(far_end: Made, answer: Answer) -> None:
    with pytest.raises(BrokerUnavailable):
        far_end(got(answer)).find(ORDER)


@pytest.mark.parametrize(("told", "asked"), [({}, 1), ({"marks": True}, 1), ({"marks": False}, 0)])
def test_a_far_end_is_asked_for_a_mark_unless_it_says_that_it_has_none(
    far_end: Made, calls: list[Call], told: dict[str, bool], asked: int
) -> None:
    promised = {"dedupe": "none", "nets_positions": True, "settle_seconds": "0", **told}
    broker = far_end({("GET", "/capabilities"): Answer(200, promised), ("GET", "/mark"): Answer(200, {"mark": "41"})})
    assert broker_calls.ask_mark(broker) == MarkAnswer("41" if asked else None)
    assert len([call for call in calls if call.path.endswith("/mark")]) == asked


def test_the_mark_comes_back_with_the_order_and_its_look_up(far_end: Made, calls: list[Call]) -> None:
    broker = far_end(put(Answer(200, REPORT)) | got(Answer(200, REPORT)))
    marked = OrderRequest(**{name: getattr(ORDER, name) for name in ORDER.__slots__} | {"mark": "41"})
    broker.submit(marked)
    broker.find(marked)
    assert [call.body["mark"] for call in calls if call.method == "PUT"] == ["41"]
    assert [call.query for call in calls if call.path.endswith("pq-1")] == [{}, {"mark": "41"}]


@pytest.mark.parametrize(
    ("quantity", "type_"),
    [
        ("0.5", ErrorType.QUANTITY_TOO_LOW),
        ("500.5", ErrorType.QUANTITY_TOO_HIGH),
        ("1.25", ErrorType.INVALID_QUANTITY_PRECISION),
    ],
)
def test_a_quantity_is_refused_before_it_is_sent(
    far_end: Made, calls: list[Call], quantity: str, type_: ErrorType
) -> None:
    odd = OrderRequest(**{name: getattr(ORDER, name) for name in ORDER.__slots__} | {"quantity": Decimal(quantity)})
    with pytest.raises(OrderRejected) as caught:
        far_end({}).submit(odd)
    assert caught.value.type is type_
    assert {call.method for call in calls} == {"GET"}


def test_instruments_are_read_once_for_many_orders(far_end: Made, calls: list[Call]) -> None:
    broker = far_end(put(Answer(200, REPORT)))
    for _ in range(3):
        broker.submit(ORDER)
    assert len([call for call in calls if call.path.endswith("/instruments")]) == 1


def test_a_far_end_that_has_not_said_what_it_promises_promises_nothing(far_end: Made) -> None:
    for answer in (Answer(500), Answer(200, {"dedupe": "forever", "nets_positions": True, "settle_seconds": "0"})):
        told = far_end({("GET", "/capabilities"): answer}).capabilities
        assert (told.dedupe, told.settle_seconds) == (Dedupe.NONE, UNTOLD_SETTLE_SECONDS)


def test_what_a_far_end_promises_is_asked_once(far_end: Made, calls: list[Call]) -> None:
    said = {"dedupe": "while_open", "nets_positions": False, "settle_seconds": "2.5", "opposite_sides": False}
    broker = far_end({("GET", "/capabilities"): Answer(200, said)})
    for _ in range(3):
        told = broker.capabilities
        assert (told.dedupe, told.nets_positions, told.settle_seconds) == (Dedupe.WHILE_OPEN, False, 2.5)
        assert told.opposite_sides is False
    assert len(calls) == 1


def test_a_ticker_that_is_listed_twice_is_no_list(far_end: Made) -> None:
    twice = {("GET", "/instruments"): Answer(200, {"instruments": [GOLD, GOLD | {"symbol": "XAU2"}]})}
    with pytest.raises(BrokerUnavailable, match="listed twice"):
        far_end(twice).instruments()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "base_url"),
        ({"base_url": "broker.example.com"}, "base_url"),
        ({"base_url": "ftp://broker.example.com"}, "base_url"),
        ({"base_url": "http://broker.example.com"}, "https"),
        ({"base_url": "https://user:word@broker.example.com"}, "no user"),
        ({"base_url": "https://broker.example.com?x=1"}, "no query"),
        ({"base_url": "https://broker.example.com"}, "token"),
        ({"base_url": "https://broker.example.com", "token": "two words"}, "token"),
        ({"base_url": "https://broker.example.com", "token": "t", "colour": "red"}, "colour: unknown"),
    ],
)
def test_an_odd_setting_is_refused_by_name(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        parse(settings)
    assert "two words" not in str(caught.value)


def test_an_account_is_made_without_a_connection() -> None:
    broker = make_broker("http", {"base_url": "http://127.0.0.1:1", "token": "t"}, "demo")
    assert broker.capabilities.dedupe is Dedupe.NONE
    broker.close()
