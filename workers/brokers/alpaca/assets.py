"""Alpaca's assets as our instruments. Pure; raises one of `translate.ODD` for a body that is not as documented.

Sources: docs.alpaca.markets, "Assets", "Fractional Trading", "Crypto Trading".
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from shared.accounts.instrument import Instrument
from workers.brokers.alpaca.translate import number, rows
from workers.brokers.odd_rows import readable

TRADED = frozenset({"us_equity", "crypto"})
LARGEST = Decimal("1e9")
"""Our own cap, in units: Alpaca publishes no maximum, and nothing it lists is traded a thousand million at a time."""
SHARE_STEP = Decimal("1e-9")
"""Of a fractionable stock: up to nine decimals (docs.alpaca.markets, "Fractional Trading")."""


@dataclass(frozen=True, slots=True)
class Asset:
    """What may be known of a symbol without an account. `tradable` False: it may still be closed."""

    id: str
    instrument: Instrument
    crypto: bool
    tradable: bool


@dataclass(frozen=True, slots=True)
class Permissions:
    """What an account may trade beyond buying stocks."""

    crypto: bool
    shorting: bool


def asset_of(body: Any) -> Asset:
    """A stock or a pair. A ticker is the symbol without its slash: BTC/USD is ProQuant's BTCUSD."""
    crypto = body["class"] == "crypto"
    if not crypto and body["class"] != "us_equity":
        raise ValueError(f"{body['class']} is no class that is traded here")
    step = number(body["min_trade_increment"]) if crypto else SHARE_STEP if body["fractionable"] else Decimal(1)
    symbol: str = body["symbol"]
    instrument = Instrument(
        ticker=symbol.replace("/", ""),
        symbol=symbol,
        minimum=number(body["min_order_size"]) if crypto else step,
        maximum=LARGEST,
        step=step,
        currency=symbol.rpartition("/")[2] if crypto else "USD",
        shortable=bool(body["shortable"]) and not crypto,
    )
    return Asset(body["id"], instrument, crypto, bool(body["tradable"]) and body["status"] == "active")


def assets_of(body: Any) -> list[Asset]:
    """The stocks and pairs of a list, without other classes (options) and without rows that cannot be read."""
    listed = [each for each in rows(body) if each.get("class") in TRADED]
    return readable(listed, asset_of, lambda row: row["symbol"])


def permissions_of(body: Any) -> Permissions:
    """From the account."""
    return Permissions(body.get("crypto_status") == "ACTIVE", bool(body["shorting_enabled"]))


def openable(assets: Iterable[Asset], may: Permissions) -> list[Instrument]:
    """What this account may open now. Two symbols of one ticker are both left out: there is no telling them apart."""
    allowed: dict[str, list[Instrument]] = {}
    for each in assets:
        if each.tradable and (may.crypto or not each.crypto):
            allowed.setdefault(each.instrument.ticker, []).append(_as_allowed(each.instrument, may))
    return [found[0] for found in allowed.values() if len(found) == 1]


def _as_allowed(instrument: Instrument, may: Permissions) -> Instrument:
    return replace(instrument, shortable=instrument.shortable and may.shorting)
