"""The pure parts of the Binance adapter: signatures, settings, filters."""

from decimal import Decimal

import pytest

from shared.domain import OrderState
from tests.contract.bench import order as plain_order
from tests.contract.binance_bench import BinanceBench
from tests.simulators.binance.contracts import CONTRACTS, exchange_information
from workers.brokers.binance.listings import instruments_of, listings_of
from workers.brokers.binance.settings import ADDRESSES, BinanceEnvironment, parse
from workers.brokers.binance.signing import signature, signed
from workers.brokers.binance.translate import number, report_of

KEYS = {"api_key": "k", "api_secret": "s"}


def test_a_signature_is_that_of_the_vendors_published_example() -> None:
    """USD-M futures, general info, "SIGNED Endpoint Examples for POST /fapi/v1/order - HMAC Keys", example 1."""
    payload = (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000"
        "&timestamp=1591702613943"
    )
    secret = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
    assert signature(payload, secret) == "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"


def test_the_signature_comes_last() -> None:
    names = [name for name, _ in signed([("symbol", "BTCUSDT")], "s", 1)]
    assert names == ["symbol", "recvWindow", "timestamp", "signature"]


def test_live_trading_is_chosen_by_name_only() -> None:
    assert parse(KEYS).environment is BinanceEnvironment.TESTNET
    assert parse(KEYS).base_url == ADDRESSES[BinanceEnvironment.TESTNET]
    assert parse({**KEYS, "environment": "live"}).base_url == ADDRESSES[BinanceEnvironment.LIVE]
    assert parse({**KEYS, "base_url": "http://127.0.0.1:1/"}).base_url == "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("setting", "text"),
    [
        ("environment", "demo"),
        ("api_key", ""),
        ("api_secret", " "),
        ("api_key", "has space"),
        ("base_url", "fapi.binance.com"),
        ("base_url", "ftp://x"),
        ("quotes", "USD"),
        ("quotes", "USD:USDT,USD:USDC"),
        ("quotes", "usd:usdt"),
        ("leverage", "20"),
    ],
)
def test_an_odd_setting_is_refused_by_its_name(setting: str, text: str) -> None:
    with pytest.raises(ValueError, match=f"^{setting}"):
        parse({**KEYS, setting: text})


def test_limits_satisfy_both_lot_filters() -> None:
    row = CONTRACTS["BTCUSDT"].row("TRADING")
    row["filters"] = [
        {"filterType": "LOT_SIZE", "minQty": "0.004", "maxQty": "1000", "stepSize": "0.004"},
        {"filterType": "MARKET_LOT_SIZE", "minQty": "0.010", "maxQty": "120", "stepSize": "0.006"},
    ]
    (listing,) = listings_of({"symbols": [row]}).values()
    assert (listing.minimum, listing.maximum, listing.step) == (Decimal("0.012"), Decimal(120), Decimal("0.012"))


def test_contracts_that_expire_or_have_ended_are_not_listed() -> None:
    information = exchange_information("TRADING")
    assert "BTCUSDT_261225" not in listings_of(information)
    assert listings_of(exchange_information("CLOSE")) == {}


def test_a_symbols_own_name_is_never_given_to_another_by_a_choice_of_quotes() -> None:
    information = exchange_information("TRADING")
    other = CONTRACTS["BTCUSDT"].row("TRADING") | {"symbol": "BTCUSDC", "quoteAsset": "USDC"}
    listings = listings_of({"symbols": [*information["symbols"], other]})
    tickers = {each.ticker: each.symbol for each in instruments_of(listings, {"USDT": "USDC"})}
    assert tickers["BTCUSDT"] == "BTCUSDT"


@pytest.mark.parametrize(
    ("status", "filled", "state"),
    [
        ("NEW", "0", OrderState.ACCEPTED),
        ("PARTIALLY_FILLED", "4", OrderState.ACCEPTED),
        ("FILLED", "10", OrderState.FILLED),
        ("CANCELED", "4", OrderState.PARTIALLY_FILLED),
        ("EXPIRED", "0", OrderState.CANCELLED),
        ("EXPIRED_IN_MATCH", "4", OrderState.PARTIALLY_FILLED),
        ("REJECTED", "0", OrderState.REJECTED),
    ],
)
def test_each_state_of_an_order_is_told_and_a_working_one_without_its_fills(
    status: str, filled: str, state: OrderState
) -> None:
    report = report_of(SENT, _body(status=status, executedQty=filled))
    assert report.state is state
    final = Decimal(0) if state is OrderState.ACCEPTED else Decimal(filled)
    assert (report.filled_quantity, sum(fill.quantity for fill in report.fills)) == (final, final)


def test_an_average_price_that_is_not_told_is_the_worth_by_the_quantity() -> None:
    report = report_of(SENT, _body(status="FILLED", executedQty="10", avgPrice="0.00", cumQuote="20005"))
    assert report.average_price == Decimal("2000.5")


@pytest.mark.parametrize(
    "changes",
    [{"status": "NEW_ADL"}, {"status": "FILLED", "executedQty": "9"}, {"symbol": "BTCUSDT"}, {"clientOrderId": "x"}],
)
def test_what_is_not_about_this_order_or_makes_no_sense_is_an_error(changes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"order|whole"):
        report_of(SENT, _body(**changes))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "ten"])
def test_a_number_in_a_string_is_a_finite_one(value: str) -> None:
    with pytest.raises(ValueError, match="is no number"):
        number(value)


SENT = plain_order(BinanceBench())


def _body(**changes: str) -> dict[str, object]:
    return {
        "symbol": "XAUUSDT", "clientOrderId": SENT.client_order_id, "orderId": 7, "status": "FILLED",
        "origQty": "10", "executedQty": "10", "avgPrice": "2000.00000", "cumQuote": "20000", "updateTime": 1,
    } | changes  # fmt: skip
