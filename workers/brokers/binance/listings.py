"""The instruments of Binance's exchangeInfo: its filters as our limits, and its symbols as ProQuant's tickers. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from math import lcm
from typing import Any

from shared.accounts.instrument import Instrument
from shared.domain import EXACT
from workers.brokers.binance.translate import number
from workers.brokers.odd_rows import readable

OPEN_STATUS = "TRADING"
NOT_YET_OR_NO_MORE = frozenset({"PENDING_TRADING", "DELIVERED", "CLOSE"})


@dataclass(frozen=True, slots=True)
class ContractListing:
    """One perpetual contract. `notional` is the least worth of an opening order in `currency`, at the mark price."""

    symbol: str
    base: str
    currency: str
    status: str
    minimum: Decimal
    maximum: Decimal | None
    step: Decimal
    notional: Decimal

    def instrument(self, ticker: str) -> Instrument:
        """As ProQuant's `ticker`. Perpetual contracts have no weekly hours; only their status says."""
        return Instrument(ticker, self.symbol, self.minimum, self.maximum, self.step, self.currency)


def listings_of(body: Any) -> dict[str, ContractListing]:
    """Every perpetual contract that trades or may do so again, by symbol; TradFi perpetuals are among them.

    A row that cannot be read is left out.
    """
    rows = [row for row in body["symbols"] if not isinstance(row, dict) or _may_trade(row)]
    return {each.symbol: each for each in readable(rows, _listing, lambda row: row["symbol"])}


def weight_limit_of(body: Any) -> int | None:
    """The request weight that an address may use in a minute."""
    for limit in body["rateLimits"]:
        if (limit["rateLimitType"], limit["interval"], limit["intervalNum"]) == ("REQUEST_WEIGHT", "MINUTE", 1):
            return int(limit["limit"])
    return None


def prices_of(rows: Iterable[Any]) -> dict[str, Decimal]:
    """The mark price of each symbol (premiumIndex)."""
    return dict(readable(rows, lambda row: (str(row["symbol"]), number(row["markPrice"])), lambda row: row["symbol"]))


def instruments_of(listings: Mapping[str, ContractListing], quotes: Mapping[str, str]) -> Sequence[Instrument]:
    """Each symbol as the ticker of its own name, and once more by each pair of `quotes`: USD:USDT makes BTCUSD BTCUSDT.

    A ticker that is a symbol's own name stays with that symbol.
    """
    made = {listing.symbol: listing.instrument(listing.symbol) for listing in listings.values()}
    for ending, quote in quotes.items():
        for listing in listings.values():
            if listing.currency == quote:
                made.setdefault(listing.base + ending, listing.instrument(listing.base + ending))
    return list(made.values())


def _may_trade(row: Mapping[str, Any]) -> bool:
    return str(row.get("contractType")).endswith("PERPETUAL") and row.get("status") not in NOT_YET_OR_NO_MORE


def _listing(row: Any) -> ContractListing:
    filters = {each["filterType"]: each for each in row["filters"]}
    lots = [filters[name] for name in ("LOT_SIZE", "MARKET_LOT_SIZE") if name in filters]
    steps = [step for lot in lots if (step := number(lot["stepSize"])) > 0]
    step = _common_step(steps)
    least = max(number(lot["minQty"]) for lot in lots)
    most = [maximum for lot in lots if (maximum := number(lot["maxQty"])) > 0]
    return ContractListing(
        symbol=row["symbol"],
        base=row["baseAsset"],
        currency=row["quoteAsset"],
        status=row["status"],
        minimum=max(step, _multiple(least, step)),
        maximum=min(most, default=None),
        step=step,
        notional=number(filters["MIN_NOTIONAL"]["notional"]) if "MIN_NOTIONAL" in filters else Decimal(0),
    )


def _common_step(steps: Sequence[Decimal]) -> Decimal:
    """The smallest step that satisfies all of them. Raises ValueError where there is none to satisfy."""
    if not steps:
        raise ValueError("a symbol has no step")
    exponent = min(int(step.normalize().as_tuple().exponent) for step in steps)
    return Decimal(lcm(*(int(step.scaleb(-exponent)) for step in steps))).scaleb(exponent)


def _multiple(quantity: Decimal, step: Decimal) -> Decimal:
    """The quantity, or the next one above it that the step allows."""
    return EXACT.multiply(EXACT.divide(quantity, step).to_integral_value(ROUND_CEILING), step)
