"""The pure parts of the Binance adapter: signatures, settings, filters."""

from decimal import Decimal

import pytest

from tests.simulators.binance.contracts import CONTRACTS, exchange_information
from workers.brokers.binance.listings import instruments_of, listings_of
from workers.brokers.binance.settings import ADDRESSES, Environment, parse
from workers.brokers.binance.signing import signature, signed

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
    assert parse(KEYS).environment is Environment.TESTNET
    assert parse(KEYS).base_url == ADDRESSES[Environment.TESTNET]
    assert parse({**KEYS, "environment": "live"}).base_url == ADDRESSES[Environment.LIVE]
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
