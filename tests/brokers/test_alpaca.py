"""What is particular to Alpaca: its settings, its list, and what is refused before anything is sent."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from shared.domain import Direction, ErrorType, OrderState
from tests.brokers.alpaca_stage import KEYS, Replaced, Serve, closing, order, posted, refused, serving
from tests.simulators.alpaca import SECRET_KEY, Alpaca
from tests.simulators.server import Answer
from workers.brokers.alpaca.broker import make
from workers.brokers.alpaca.settings import parse
from workers.brokers.base import BrokerUnavailable, OrderRequest


@pytest.fixture
def serve() -> Iterator[Serve]:
    with serving() as start:
        yield start


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"key_id": "K"}, "secret_key"),
        ({"key_id": " ", "secret_key": "S"}, "key_id"),
        ({"key_id": "K\n2", "secret_key": "S"}, "key_id"),
        ({"key_id": "K", "secret_key": "S", "environment": "demo"}, "environment"),
        ({"key_id": "K", "secret_key": "S", "base_url": "ftp://x"}, "base_url"),
        ({"key_id": "K", "secret_key": "S", "secret": "x"}, "secret"),
    ],
)
def test_an_odd_setting_is_refused_by_name(settings: dict[str, str], named: str) -> None:
    with pytest.raises(ValueError, match=named) as caught:
        make({"account": "alice", **settings})
    assert "S'" not in str(caught.value)


def test_money_is_at_stake_only_where_the_setting_says_so() -> None:
    assert parse(KEYS).base_url == "https://paper-api.alpaca.markets"
    assert parse({**KEYS, "environment": "live"}).base_url == "https://api.alpaca.markets"
    assert SECRET_KEY not in repr(parse(KEYS))


def test_tickers_come_from_the_accounts_own_list(serve: Serve) -> None:
    broker, _ = serve(Alpaca())
    listed = {each.ticker: each for each in broker.instruments()}
    assert listed.keys() == {"AAPL", "MSFT", "BRK.A", "BTCUSD", "ETHBTC"}
    assert (listed["BTCUSD"].symbol, listed["BTCUSD"].minimum, listed["BTCUSD"].step) == (
        "BTC/USD",
        Decimal("0.0001"),
        Decimal("0.0001"),
    )
    assert (listed["ETHBTC"].currency, listed["AAPL"].currency) == ("BTC", "USD")
    assert (listed["AAPL"].step, listed["BRK.A"].step) == (Decimal("1e-9"), Decimal(1))
    assert [ticker for ticker, each in listed.items() if each.shortable] == ["AAPL", "MSFT"]


def test_an_account_that_may_not_is_told_so_by_its_list(serve: Serve) -> None:
    def restricted(answer: Answer) -> Answer:
        assert isinstance(answer.body, dict)
        return Answer(200, {**answer.body, "crypto_status": "INACTIVE", "shorting_enabled": False})

    broker, _ = serve(Replaced(Alpaca(), "GET", "/v2/account", restricted))
    listed = broker.instruments()
    assert [each.symbol for each in listed] == ["AAPL", "MSFT", "BRK.A"]
    assert not any(each.shortable for each in listed)


def test_two_symbols_of_one_ticker_are_both_left_out(serve: Serve) -> None:
    def doubled(answer: Answer) -> Answer:
        assert isinstance(answer.body, list)
        twins = [{**each, "symbol": "AA/PL"} for each in answer.body if each["symbol"] == "AAPL"]
        return Answer(200, [*answer.body, *twins])

    broker, _ = serve(Replaced(Alpaca(), "GET", "/v2/assets", doubled))
    assert "AAPL" not in {each.ticker for each in broker.instruments()}


def test_positions_are_named_as_orders_are(serve: Serve) -> None:
    broker, _ = serve(Alpaca())
    broker.submit(order("BTC/USD", "0.25"))
    broker.submit(order("AAPL", "4", side=Direction.SELL))
    assert {each.symbol: each.quantity for each in broker.positions()} == {"BTC/USD": Decimal("0.25"), "AAPL": -4}


@pytest.mark.parametrize(
    ("sent", "type_"),
    [
        (order("BTC/USD", "1", side=Direction.SELL), ErrorType.UNSUPPORTED_INSTRUMENT),
        (order("BRK.A", "1", side=Direction.SELL), ErrorType.UNSUPPORTED_INSTRUMENT),
        (order("GONE", "1"), ErrorType.UNSUPPORTED_INSTRUMENT),
        (order("NOSUCH", "1"), ErrorType.UNSUPPORTED_INSTRUMENT),
        (order("AAPL", "1.5", side=Direction.SELL), ErrorType.INVALID_QUANTITY_PRECISION),
        (order("BRK.A", "0.5"), ErrorType.INVALID_QUANTITY_PRECISION),
        (order("AAPL", "0.0000000001"), ErrorType.INVALID_QUANTITY_PRECISION),
        (order("BTC/USD", "0.00005"), ErrorType.INVALID_QUANTITY_PRECISION),
        (order("AAPL", "0"), ErrorType.QUANTITY_TOO_LOW),
        (order("AAPL", "1000000001"), ErrorType.QUANTITY_TOO_HIGH),
        (closing("BTC/USD", "1"), ErrorType.POSITION_NOT_FOUND),
    ],
)
def test_what_alpaca_would_refuse_is_refused_unsent(serve: Serve, sent: OrderRequest, type_: ErrorType) -> None:
    broker, simulator = serve(Alpaca())
    assert refused(broker, sent) is type_
    assert posted(simulator) == []


def test_keys_that_a_check_meets_refused_are_a_refusal_of_the_order(serve: Serve) -> None:
    alpaca = Alpaca()
    alpaca.keys_valid = False
    broker, simulator = serve(alpaca)
    assert refused(broker, order()) is ErrorType.INVALID_CREDENTIALS
    assert posted(simulator) == []


def test_a_closed_market_is_refused_unsent_and_pairs_trade_on(serve: Serve) -> None:
    alpaca = Alpaca()
    alpaca.market_open = False
    broker, simulator = serve(alpaca)
    assert refused(broker, order()) is ErrorType.MARKET_CLOSED
    assert posted(simulator) == []
    assert broker.submit(order("BTC/USD", "1")).state is OrderState.FILLED


def test_a_market_that_is_open_is_not_asked_about_twice_and_a_closed_one_is(serve: Serve) -> None:
    alpaca = Alpaca()
    broker, simulator = serve(alpaca)
    for _ in range(3):
        broker.submit(order())
    assert [call.path for call in simulator.calls].count("/v2/clock") == 1
    alpaca.market_open = False
    other, _ = serve(alpaca)
    assert [refused(other, order()) for _ in range(2)] == [ErrorType.MARKET_CLOSED] * 2
    alpaca.market_open = True
    assert other.submit(order()).state is OrderState.FILLED


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (order("AAPL", "1.50"), {"qty": "1.50", "position_intent": "buy_to_open", "time_in_force": "day"}),
        (order("AAPL", "1E+1"), {"qty": "10", "position_intent": "buy_to_open", "time_in_force": "day"}),
        (order("AAPL", side=Direction.SELL), {"position_intent": "sell_to_open", "side": "sell"}),
        (order("BTC/USD", "0.0001"), {"qty": "0.0001", "time_in_force": "ioc", "symbol": "BTC/USD"}),
    ],
)
def test_an_order_is_written_as_alpaca_wants_it(serve: Serve, sent: OrderRequest, expected: dict[str, str]) -> None:
    broker, simulator = serve(Alpaca())
    broker.submit(sent)
    (body,) = posted(simulator)
    assert body["client_order_id"] == sent.client_order_id
    assert expected.items() <= body.items()
    assert {type(value) for value in body.values()} == {str}


def test_shares_are_never_sold_by_a_call_without_an_id(serve: Serve) -> None:
    broker, simulator = serve(Alpaca())
    broker.submit(order())
    broker.submit(closing())
    assert "DELETE" not in {call.method for call in simulator.calls}


def test_coins_are_sold_as_far_as_the_fee_has_left_them(serve: Serve) -> None:
    broker, _ = serve(Alpaca(fee="0.0025"))
    broker.submit(order("BTC/USD", "1"))
    report = broker.submit(closing("BTC/USD", "1"))
    assert (report.state, report.filled_quantity) == (OrderState.PARTIALLY_FILLED, Decimal("0.9975"))


def test_what_is_left_is_sold_where_more_is_missing_than_a_fee_explains(serve: Serve) -> None:
    broker, _ = serve(Alpaca())
    broker.submit(order("BTC/USD", "1"))
    report = broker.submit(closing("BTC/USD", "2"))
    assert (report.state, report.filled_quantity) == (OrderState.PARTIALLY_FILLED, Decimal(1))
    assert broker.positions() == []


@pytest.mark.parametrize("call", ["account", "instruments", "positions"])
@pytest.mark.parametrize("body", [None, {}, [{}], "x", {"currency": "USD", "cash": 1}])
def test_an_odd_body_of_a_read_is_unavailable(serve: Serve, call: str, body: object) -> None:
    broker, _ = serve(lambda _: Answer(200, body))
    with pytest.raises(BrokerUnavailable):
        getattr(broker, call)()


def test_money_is_the_accounts_own_and_not_what_is_lent_on_it(serve: Serve) -> None:
    broker, _ = serve(Alpaca())
    broker.submit(order(quantity="1000"))
    summary = broker.account()
    assert (summary.currency, summary.balance, summary.available) == ("USD", Decimal(800_000), Decimal(900_000))
