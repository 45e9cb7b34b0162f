"""The paper broker's prices: the same for the same arguments, near the listed ones, and consistent among currencies."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.brokers.paper.catalogue import LISTINGS, PaperMarket
from workers.brokers.paper.prices import USD_VALUE, price, rate

SYMBOLS = st.sampled_from(sorted(LISTINGS))
CURRENCIES = st.sampled_from(sorted(USD_VALUE))
TIMES = st.timedeltas(timedelta(0), timedelta(days=36_500)).map(lambda after: datetime(2000, 1, 1, tzinfo=UTC) + after)
SEEDS = st.integers(-(10**6), 10**6)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@given(SYMBOLS, TIMES, SEEDS)
def test_a_price_is_positive_and_within_a_few_percent_of_the_listed_one(symbol: str, at: datetime, seed: int) -> None:
    base = LISTINGS[symbol].price or USD_VALUE[symbol[:3]] / USD_VALUE[symbol[3:]]
    assert abs(price(symbol, at, seed) / base - 1) < Decimal("0.046")


@given(SYMBOLS, TIMES, SEEDS)
def test_a_price_is_a_whole_number_of_ticks(symbol: str, at: datetime, seed: int) -> None:
    assert price(symbol, at, seed) % LISTINGS[symbol].tick == 0


@given(SYMBOLS, TIMES, SEEDS)
def test_a_price_hardly_moves_within_a_second(symbol: str, at: datetime, seed: int) -> None:
    tick = LISTINGS[symbol].tick
    before, after = price(symbol, at, seed), price(symbol, at + timedelta(seconds=1), seed)
    assert abs(after - before) <= before * Decimal("0.0003") + tick


@given(CURRENCIES, CURRENCIES, CURRENCIES, TIMES, SEEDS)
def test_changing_money_in_a_circle_gains_nothing(a: str, b: str, c: str, at: datetime, seed: int) -> None:
    circle = rate(a, b, at, seed) * rate(b, c, at, seed) * rate(c, a, at, seed)
    assert abs(circle - 1) < Decimal("1e-20")


@pytest.mark.parametrize(("symbol", "expected"), [("XAUUSD", "2377.53"), ("USDJPY", "150.781"), ("BTCUSD", "64759.98")])
def test_prices_never_change_from_one_release_to_the_next(symbol: str, expected: str) -> None:
    assert price(symbol, NOON, seed=0) == Decimal(expected)


def test_another_seed_and_another_minute_give_other_prices() -> None:
    prices = {price("XAUUSD", NOON + timedelta(minutes=minute), seed) for minute in range(5) for seed in range(5)}
    assert len(prices) == 25


def test_a_pair_of_currencies_costs_what_its_currencies_are_worth() -> None:
    for symbol, listing in LISTINGS.items():
        if listing.market is PaperMarket.FOREX:
            assert abs(price(symbol, NOON, 7) - rate(symbol[:3], symbol[3:], NOON, 7)) <= listing.tick / 2


def test_an_unlisted_symbol_or_currency_is_an_error() -> None:
    with pytest.raises(KeyError):
        price("NOSUCH", NOON, 0)
    with pytest.raises(KeyError):
        rate("USD", "XXX", NOON, 0)
