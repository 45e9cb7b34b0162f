"""The exchanges at which this bridge can keep its promise through ccxt, as data, and why others are refused. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from workers.brokers.binance.errors import CODES, Meaning


class Practice(StrEnum):
    """How ccxt reaches an exchange's play money."""

    SANDBOX = "sandbox"
    DEMO = "demo"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Venue:
    """`lookup` is the parameter by which ccxt's fetch_order finds an order of ours; `codes` what the venue's own codes
    mean, where ccxt throws different ones into one class."""

    lookup: str
    practice: Practice
    settle_seconds: float = 15.0
    codes: Mapping[int, Meaning] = field(default_factory=dict)


VENUES: dict[str, Venue] = {
    "binanceusdm": Venue("clientOrderId", Practice.DEMO, codes=CODES),
    "bitget": Venue("clientOrderId", Practice.SANDBOX),
    "kucoinfutures": Venue("clientOrderId", Practice.NONE),
}
"""Read in the source of ccxt 4.5.90: its fetch_order finds a filled order by our id, and our ids (35 characters, with a
hyphen) are allowed. Only binanceusdm runs through the conformance suite."""
REFUSED: dict[str, str] = {
    "bybit": "ccxt looks orders up by the exchange's id only",
    "gate": "ccxt looks orders up by the exchange's id only",
    "bingx": "ccxt looks orders up by the exchange's id only",
    "okx": "its client order ids take no hyphen and at most 32 characters",
    "woo": "its client order ids are numbers",
    "htx": "its client order ids are numbers",
    "oanda": "ccxt does not know it; use the kind oanda",
    "alpaca": "use the kind alpaca",
}


def venue_named(name: str) -> Venue:
    """The venue. Raises ValueError that says why an exchange is refused."""
    if name in VENUES:
        return VENUES[name]
    reason = REFUSED.get(name, "nobody has shown that ccxt finds an order there by our client order id")
    raise ValueError(f"exchange: {name!r} is refused: {reason}. Known are {', '.join(sorted(VENUES))}")
