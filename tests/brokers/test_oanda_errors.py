"""What OANDA's refusals become, from the bodies in which it sends them; and which settings are refused."""

from collections.abc import Iterator, Mapping

import pytest

from shared.domain import ErrorType, OrderState
from shared.errors import ConfigurationError
from tests.contract.bench import order
from tests.contract.oanda_bench import OandaBench
from tests.simulators.oanda import simulated
from tests.simulators.oanda_books import CANCELLED, Books
from tests.simulators.server import Answer, Simulator
from workers.brokers import unmapped_errors
from workers.brokers.base import OrderRejected
from workers.brokers.oanda.broker import OandaBroker
from workers.brokers.oanda.errors import ORDER_EXISTS, REASONS
from workers.brokers.oanda.settings import ADDRESSES, OandaEnvironment, parse
from workers.brokers.registry import make_broker

BENCH = OandaBench()
NINE = {
    "INSUFFICIENT_MARGIN": "InsufficientFunds",
    "UNITS_MIMIMUM_NOT_MET": "QuantityTooLow",
    "UNITS_MINIMUM_NOT_MET": "QuantityTooLow",
    "UNITS_LIMIT_EXCEEDED": "QuantityTooHigh",
    "UNITS_PRECISION_EXCEEDED": "InvalidQuantityPrecision",
    "INSTRUMENT_NOT_TRADEABLE": "UnsupportedInstrument",
    "CLIENT_TRADE_ID_ALREADY_EXISTS": "PositionAlreadyExists",
    "MARKET_HALTED": "MarketClosed",
    "TRADE_DOESNT_EXIST": "PositionNotFound",
    "ACCOUNT_NOT_ACTIVE": "InvalidCredentials",
}
GOOD: Mapping[str, str] = {"account_id": "101-004-1234567-001", "token": "t0ken"}


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def simulator(books: Books) -> Iterator[Simulator]:
    with simulated(books) as ready:
        yield ready


@pytest.fixture
def broker(simulator: Simulator, books: Books) -> Iterator[OandaBroker]:
    settings = {"account": "alice", "base_url": simulator.url, "token": books.token, "account_id": books.id}
    made = OandaBroker(parse(settings), deadline_seconds=5.0)
    yield made
    made.close()


def refusal_of(broker: OandaBroker) -> OrderRejected:
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order(BENCH, mark="1"))
    assert caught.value.reason
    return caught.value


def test_every_type_has_a_reason() -> None:
    assert {REASONS[reason] for reason in NINE} == set(ErrorType)
    assert {reason: REASONS[reason] for reason in NINE} == {reason: ErrorType(name) for reason, name in NINE.items()}


@pytest.mark.parametrize("reason", [reason for reason in REASONS if reason != ORDER_EXISTS])
@pytest.mark.parametrize("way", ["{}", CANCELLED + ":{}"], ids=["rejected", "created-and-cancelled"])
def test_a_reason_keeps_its_type(broker: OandaBroker, books: Books, reason: str, way: str) -> None:
    books.staged.append(way.format(reason))
    before = unmapped_errors.counted()
    assert refusal_of(broker).type == REASONS[reason]
    assert broker.positions() == []
    assert unmapped_errors.counted() == before


def test_a_pending_order_with_our_id_is_ours_and_its_refusal_no_proof_that_it_is_not_there(
    broker: OandaBroker, books: Books
) -> None:
    sent = order(BENCH, mark="1")
    books.staged.append(ORDER_EXISTS)
    assert broker.submit(sent).state is OrderState.ACCEPTED
    assert broker.find(sent) is None


@pytest.mark.parametrize("way", ["{}", CANCELLED + ":{}"], ids=["rejected", "created-and-cancelled"])
def test_a_reason_that_nobody_knows_is_a_rejection_and_counted(broker: OandaBroker, books: Books, way: str) -> None:
    books.staged.append(way.format("MOON_NOT_FULL"))
    before = unmapped_errors.counted().get(("oanda", "MOON_NOT_FULL"), 0)
    assert refusal_of(broker).type is None
    assert unmapped_errors.counted()["oanda", "MOON_NOT_FULL"] == before + 1


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, {"errorMessage": "Invalid value specified for 'instrument'"}, ErrorType.UNSUPPORTED_INSTRUMENT),
        (400, {"errorMessage": "Invalid value specified for 'order.instrument'"}, ErrorType.UNSUPPORTED_INSTRUMENT),
        (400, {"errorMessage": "Invalid value specified for 'order.units'"}, ErrorType.INVALID_QUANTITY_PRECISION),
        (400, {"errorMessage": "The request was missing required data"}, None),
        (401, {"errorMessage": "Insufficient authorization to perform request."}, ErrorType.INVALID_CREDENTIALS),
        (401, b"<html>Unauthorized</html>", ErrorType.INVALID_CREDENTIALS),
        (403, {"errorMessage": "The provided request was forbidden."}, ErrorType.INVALID_CREDENTIALS),
        (404, {"errorCode": "NO_SUCH_TRADE", "errorMessage": "The trade ID specified does not exist"},
         ErrorType.POSITION_NOT_FOUND),
    ],
)  # fmt: skip
def test_an_answer_without_a_transaction_is_read_by_its_words(
    broker: OandaBroker, simulator: Simulator, status: int, body: object, expected: ErrorType | None
) -> None:
    simulator.faults.append(Answer(status, body))
    assert refusal_of(broker).type is expected


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"token": ""}, "token"),
        ({"token": "two words"}, "token"),
        ({"account_id": ""}, "account_id"),
        ({"account_id": "../../v3"}, "account_id"),
        ({"environment": "demo"}, "environment"),
        ({"base_url": "ftp://example.com"}, "base_url"),
        ({"base_url": "api-fxtrade.oanda.com"}, "base_url"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_odd_setting_is_refused_by_name(changes: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"\b{named}: "):
        make_broker("oanda", {**GOOD, **changes}, "alice")


def test_real_money_is_only_where_the_setting_says_so() -> None:
    assert parse({**GOOD, "account": "a"}).base_url == ADDRESSES[OandaEnvironment.PRACTICE]
    assert "fxpractice" in ADDRESSES[OandaEnvironment.PRACTICE]
    assert parse({**GOOD, "account": "a", "environment": "live"}).base_url == "https://api-fxtrade.oanda.com"


def test_a_broker_that_is_away_is_no_fault_of_the_settings() -> None:
    made = make_broker("oanda", {**GOOD, "base_url": "http://127.0.0.1:1"}, "alice")
    assert made.capabilities.nets_positions
    made.close()


def test_the_token_is_not_shown() -> None:
    assert "t0ken" not in repr(parse({**GOOD, "account": "a"}))
