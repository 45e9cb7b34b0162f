"""The paper broker's prices: pure functions of symbol, time and seed, so that a run can be repeated exactly."""

import hashlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from workers.brokers.paper.catalogue import LISTINGS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_HASH_RANGE = Decimal(2**64 - 1)
_WAVES = ((86_400_000, Decimal("0.02")), (60_000, Decimal("0.002")))
"""How prices move: milliseconds from one turning point to the next, and the largest move from the base price."""

USD_VALUE: dict[str, Decimal] = {
    "USD": Decimal(1),
    "EUR": Decimal("1.08"),
    "GBP": Decimal("1.27"),
    "AUD": Decimal("0.66"),
    "NZD": Decimal("0.61"),
    "CAD": Decimal("0.73"),
    "CHF": Decimal("1.12"),
    "JPY": Decimal("0.0067"),
}
"""The currencies that can be converted, and about how many US dollars one of them is worth."""


def price(symbol: str, at: datetime, seed: int) -> Decimal:
    """What one unit of `symbol` costs at `at`, in the currency of its listing, rounded to its tick; always positive.

    Within 2.2 % of the listed price; a pair of currencies within 4.5 % of the quotient of the two.
    Raises KeyError for a symbol that is not listed.
    """
    listing = LISTINGS[symbol]
    if listing.price is None:
        exact = rate(symbol[:3], symbol[3:], at, seed)
    else:
        exact = listing.price * _factor(symbol, at, seed)
    return (exact / listing.tick).to_integral_value() * listing.tick


def rate(source: str, target: str, at: datetime, seed: int) -> Decimal:
    """How much of currency `target` one unit of currency `source` is worth, by way of the US dollar.

    Raises KeyError for a currency that is not in USD_VALUE.
    """
    return _dollars(source, at, seed) / _dollars(target, at, seed)


def _dollars(currency: str, at: datetime, seed: int) -> Decimal:
    value = USD_VALUE[currency]
    return value if currency == "USD" else value * _factor(currency, at, seed)


def _factor(name: str, at: datetime, seed: int) -> Decimal:
    elapsed = (at - _EPOCH) // _MILLISECOND
    return 1 + sum(
        (size * _wave(f"{seed}/{name}/{period}", elapsed, period) for period, size in _WAVES),
        Decimal(0),
    )


def _wave(name: str, elapsed: int, period: int) -> Decimal:
    """A value in -1 to 1: straight lines between turning points that a hash gives."""
    turn, into = divmod(elapsed, period)
    start, end = _turning_point(f"{name}/{turn}"), _turning_point(f"{name}/{turn + 1}")
    return start + (end - start) * into / period


def _turning_point(name: str) -> Decimal:
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") * 2 / _HASH_RANGE - 1
