"""ccxt's markets and balances -> our instruments and values. Pure; an odd field raises KeyError, TypeError, ValueError.

ccxt makes its numbers with `float` unless told otherwise; the adapter tells it to make them Decimal (broker.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shared.accounts.instrument import Instrument
from shared.domain import EXACT, BrokerOrderId, OrderState
from workers.brokers.base import AccountSummary, BrokerPosition, Fill, OrderReport, OrderRequest
from workers.brokers.odd_rows import readable

TICK_SIZE = 4  # ccxt's precisionMode in which a precision is the step itself
ENDED = frozenset({"canceled", "expired"})


@dataclass(frozen=True, slots=True)
class Market:
    """A linear perpetual contract. `size` is how many units one contract is; the limits are in units."""

    symbol: str
    base: str
    quote: str
    size: Decimal
    minimum: Decimal
    maximum: Decimal | None
    step: Decimal
    active: bool

    def instrument(self, ticker: str) -> Instrument:
        """As ProQuant's `ticker`."""
        return Instrument(ticker, self.symbol, self.minimum, self.maximum, self.step, self.quote)

    def contracts(self, quantity: Decimal) -> Decimal:
        """The quantity as ccxt counts it."""
        return EXACT.divide(quantity, self.size)


def markets_of(rows: Iterable[Mapping[str, Any]], precision_mode: int) -> dict[str, Market]:
    """The linear perpetual contracts of the exchange, by ccxt's symbol. A row that cannot be read is left out."""
    swaps = [row for row in rows if row.get("swap") and row.get("linear")]
    made = readable(swaps, lambda row: _market(row, precision_mode), lambda row: row["symbol"])
    return {market.symbol: market for market in made}


def instruments_of(markets: Mapping[str, Market], quotes: Mapping[str, str]) -> Sequence[Instrument]:
    """Each contract as base and quote (BTCUSDT), and once more by each pair of `quotes`: USD:USDT makes BTCUSD."""
    made = {market.base + market.quote: market for market in markets.values()}
    for ending, quote in quotes.items():
        for market in markets.values():
            if market.quote == quote:
                made.setdefault(market.base + ending, market)
    return [market.instrument(ticker) for ticker, market in made.items()]


def report_of(order: OrderRequest, body: Mapping[str, Any], size: Decimal) -> OrderReport:
    """What ccxt's order structure says. An exchange that answers an order with no more than its id has accepted it."""
    if body.get("clientOrderId") not in {None, order.client_order_id}:
        raise ValueError("the answer is about another order")
    if body.get("id") is None:
        raise ValueError("the answer has no id of an order")
    filled = number(body.get("filled") or 0) * size
    state = _state(body.get("status"), filled, order.quantity)
    fills = _fills(body, filled) if state is not OrderState.ACCEPTED and filled else ()
    return OrderReport(
        client_order_id=order.client_order_id,
        broker_order_id=BrokerOrderId(str(body["id"])),
        state=state,
        filled_quantity=sum((fill.quantity for fill in fills), Decimal(0)),
        average_price=fills[0].price if fills else None,
        fills=fills,
    )


def summary_of(body: Mapping[str, Any], currency: str) -> AccountSummary:
    """What the account has in the currency in which its contracts are settled."""
    funds = body.get(currency) or {"total": 0, "free": 0}
    return AccountSummary(currency, number(funds["total"] or 0), max(Decimal(0), number(funds["free"] or 0)))


def positions_of(rows: Iterable[Mapping[str, Any]]) -> list[BrokerPosition]:
    """The net position in each symbol that is not flat, without rows that cannot be read."""
    return [each for each in readable(rows, _position, lambda row: row["symbol"]) if each.quantity]


def number(value: Any) -> Decimal:
    """A number of ccxt's; a float is refused, since it may not be what the exchange has said."""
    if isinstance(value, float) or not isinstance(value, Decimal | int | str):
        raise TypeError(f"{value!r} is no exact number")
    return Decimal(value)


def _position(row: Mapping[str, Any]) -> BrokerPosition:
    quantity = number(row["contracts"] or 0) * number(row.get("contractSize") or 1)
    return BrokerPosition(row["symbol"], -quantity if quantity and row["side"] == "short" else quantity)


def _market(row: Mapping[str, Any], precision_mode: int) -> Market:
    size = number(row["contractSize"] or 1)
    precision = number(row["precision"]["amount"])
    step = (precision if precision_mode == TICK_SIZE else Decimal(1).scaleb(-int(precision))) * size
    limits = [row["limits"][name] for name in ("amount", "market") if row["limits"].get(name)]
    least = [number(each["min"]) * size for each in limits if each.get("min")]
    most = [number(each["max"]) * size for each in limits if each.get("max")]
    return Market(
        symbol=row["symbol"],
        base=row["base"],
        quote=row["quote"],
        size=size,
        minimum=max([step, *least]),
        maximum=min(most, default=None),
        step=step,
        active=row.get("active") is not False,
    )


def _state(status: Any, filled: Decimal, asked: Decimal) -> OrderState:
    if status == "closed":
        return OrderState.FILLED if filled == asked else OrderState.PARTIALLY_FILLED
    if status in ENDED:
        return OrderState.PARTIALLY_FILLED if filled else OrderState.CANCELLED
    if status == "rejected":
        return OrderState.REJECTED
    if status in {None, "open"}:
        return OrderState.ACCEPTED
    raise ValueError(f"{status!r} is no status of ccxt's")


def _fills(body: Mapping[str, Any], filled: Decimal) -> tuple[Fill, ...]:
    milliseconds = body.get("lastTradeTimestamp") or body.get("lastUpdateTimestamp") or body["timestamp"]
    at = datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
    return (Fill(str(body["id"]), filled, number(body["average"]), at),)
