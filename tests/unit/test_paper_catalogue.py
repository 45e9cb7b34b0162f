"""The paper broker's instruments are such that each of ProQuant's errors can be reached, and its hours are right."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.accounts.instrument import check_quantity
from shared.domain import Direction, ErrorType, Leg
from workers.brokers.base import OrderRequest
from workers.brokers.paper.catalogue import LISTINGS, MARGIN, Hours, PaperMarket, trading_hours
from workers.brokers.paper.checks import Book, refusal
from workers.brokers.paper.margin import Holding
from workers.brokers.paper.prices import USD_VALUE, rate

NOON = datetime(2026, 3, 4, 16, tzinfo=UTC)  # a Wednesday on which every market trades
DEFAULT = Book("USD", Decimal(100_000), {})
BASIC = {"XAUUSD", "XAGUSD", "EURUSD", "GBPUSD", "USDJPY", "US500", "NAS100", "AAPL", "TSLA", "BTCUSD", "ETHUSD"}


def refused(
    symbol: str, quantity: object, side: Direction = Direction.BUY, leg: Leg = Leg.OPEN, *, book: Book = DEFAULT,
    hours: Hours = Hours.MARKET, at: datetime = NOON,
) -> ErrorType | None:  # fmt: skip
    order = OrderRequest("pq-1", symbol, side, Decimal(str(quantity)), leg, "s", "p")  # type: ignore[arg-type]
    answer = refusal(order, book, hours, at, seed=0)
    return None if answer is None else answer.type


def test_the_basic_instruments_are_listed_and_every_market_has_some() -> None:
    assert LISTINGS.keys() >= BASIC
    assert {listing.market for listing in LISTINGS.values()} == set(PaperMarket)
    assert len(LISTINGS) >= 24


@pytest.mark.parametrize("symbol", sorted(LISTINGS))
def test_ten_units_are_legal_and_every_error_of_quantity_can_be_reached(symbol: str) -> None:
    listing = LISTINGS[symbol]
    instrument = listing.instrument(Hours.MARKET)
    assert check_quantity(instrument, Decimal(10)) is None
    assert refused(symbol, listing.step / 10) is ErrorType.INVALID_QUANTITY_PRECISION
    assert refused(symbol, listing.step) is ErrorType.QUANTITY_TOO_LOW
    assert refused(symbol, listing.maximum + listing.step) is ErrorType.QUANTITY_TOO_HIGH
    assert refused(symbol, listing.maximum) is ErrorType.INSUFFICIENT_FUNDS
    assert refused(symbol, listing.minimum) is None


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [(10, None), ("0.0001", ErrorType.INVALID_QUANTITY_PRECISION), ("0.5", ErrorType.QUANTITY_TOO_LOW),
     (1_000_000, ErrorType.QUANTITY_TOO_HIGH), (5000, ErrorType.INSUFFICIENT_FUNDS)],
)  # fmt: skip
def test_gold_answers_as_the_guide_has_it(quantity: object, expected: ErrorType | None) -> None:
    assert refused("XAUUSD", quantity) == expected


def test_every_listed_currency_can_be_converted_and_every_market_has_its_margin() -> None:
    assert {listing.currency for listing in LISTINGS.values()} <= USD_VALUE.keys()
    assert MARGIN.keys() == set(PaperMarket)
    assert all(0 < margin <= 1 for margin in MARGIN.values())


@pytest.mark.parametrize("market", PaperMarket)
def test_a_close_is_not_refused_for_what_the_account_holds(market: PaperMarket) -> None:
    symbol = next(listing.symbol for listing in LISTINGS.values() if listing.market is market)
    assert refused(symbol, 10, Direction.SELL, Leg.CLOSE, book=Book("USD", Decimal(10**7), {})) is None
    under_water = Book("USD", Decimal(-5), {symbol: Holding(Decimal(10), Decimal(1))})
    assert refused(symbol, 10, Direction.SELL, Leg.CLOSE, book=under_water) is None


def test_what_cannot_be_sold_short_can_be_bought_and_closed() -> None:
    assert refused("DOGEUSD", 10, Direction.SELL) is ErrorType.UNSUPPORTED_INSTRUMENT
    assert refused("DOGEUSD", 10, Direction.BUY) is None
    assert refused("DOGEUSD", 10, Direction.SELL, Leg.CLOSE) is None
    assert refused("XAUUSD", 10, Direction.SELL) is None


def test_margin_is_taken_in_the_currency_of_the_account() -> None:
    dollars_a_yen = rate("JPY", "USD", NOON, 0)
    assert refused("XAUUSD", 10, book=Book("JPY", Decimal(2000) / dollars_a_yen, {})) is None
    assert refused("XAUUSD", 10, book=Book("JPY", Decimal(2000), {})) is ErrorType.INSUFFICIENT_FUNDS


@pytest.mark.parametrize(
    ("market", "at", "is_open"),
    [
        (PaperMarket.FOREX, datetime(2026, 3, 1, 21, 59, tzinfo=UTC), False),  # Sunday
        (PaperMarket.FOREX, datetime(2026, 3, 1, 22, 0, tzinfo=UTC), True),
        (PaperMarket.METALS, datetime(2026, 3, 2, 0, 0, tzinfo=UTC), True),  # Monday
        (PaperMarket.METALS, datetime(2026, 3, 6, 21, 59, tzinfo=UTC), True),  # Friday
        (PaperMarket.METALS, datetime(2026, 3, 6, 22, 0, tzinfo=UTC), False),
        (PaperMarket.FOREX, datetime(2026, 3, 7, 12, 0, tzinfo=UTC), False),  # Saturday
        (PaperMarket.STOCKS, datetime(2026, 3, 2, 14, 29, tzinfo=UTC), False),
        (PaperMarket.STOCKS, datetime(2026, 3, 2, 14, 30, tzinfo=UTC), True),
        (PaperMarket.INDICES, datetime(2026, 3, 6, 20, 59, tzinfo=UTC), True),
        (PaperMarket.INDICES, datetime(2026, 3, 6, 21, 0, tzinfo=UTC), False),
        (PaperMarket.STOCKS, datetime(2026, 3, 7, 16, 0, tzinfo=UTC), False),
        (PaperMarket.CRYPTO, datetime(2026, 3, 7, 3, 0, tzinfo=UTC), True),
    ],
)
def test_markets_open_and_close_in_utc(market: PaperMarket, at: datetime, is_open: bool) -> None:
    assert trading_hours(market, Hours.MARKET).is_open(at) is is_open
    assert trading_hours(market, Hours.ALWAYS).is_open(at)
    assert not trading_hours(market, Hours.CLOSED).is_open(at)


def test_a_closed_market_is_told_after_a_wrong_quantity_and_before_missing_funds() -> None:
    saturday = datetime(2026, 3, 7, 12, tzinfo=UTC)
    assert refused("XAUUSD", "0.5", at=saturday) is ErrorType.QUANTITY_TOO_LOW
    assert refused("XAUUSD", 5000, at=saturday) is ErrorType.MARKET_CLOSED
    assert refused("XAUUSD", 5000, at=saturday, hours=Hours.ALWAYS) is ErrorType.INSUFFICIENT_FUNDS
