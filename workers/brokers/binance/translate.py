"""Binance's JSON -> our values. Pure; a field that is missing or odd raises KeyError, TypeError or ValueError."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from shared.domain import BrokerOrderId, ClientOrderId, OrderState
from workers.brokers.base import AccountSummary, BrokerPosition, Fill, OrderReport, OrderRequest
from workers.brokers.odd_rows import readable

CURRENCY = "USDT"
"""In which the totals of an account are told (USD-M futures, "Account Information V3")."""
WORKING = frozenset({"NEW", "PARTIALLY_FILLED"})
ENDED = frozenset({"CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"})


def number(value: Any) -> Decimal:
    """A number, which Binance writes as a string."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no number in a string")
    try:
        made = Decimal(value)
    except InvalidOperation as error:
        raise ValueError(f"{value!r} is no number") from error
    if not made.is_finite():
        raise ValueError(f"{value!r} is no number")
    return made


def report_of(order: OrderRequest, body: Any) -> OrderReport:
    """What an answer about the order says. Raises ValueError where it is about another one, or says no known state.

    The fill of an order is the exchange's own sum of its trades: to ask for the single ones takes another call, which
    may lag behind. An order that still works is reported without what it has filled, since a sum may grow and a fill
    may not.
    """
    if body["clientOrderId"] != order.client_order_id or body["symbol"] != order.symbol:
        raise ValueError("the answer is about another order")
    filled = number(body["executedQty"])
    state = _state(body["status"], filled, number(body["origQty"]))
    fills = _fills(body, filled) if state is not OrderState.ACCEPTED and filled else ()
    return OrderReport(
        client_order_id=ClientOrderId(body["clientOrderId"]),
        broker_order_id=BrokerOrderId(str(int(body["orderId"]))),
        state=state,
        filled_quantity=sum((fill.quantity for fill in fills), Decimal(0)),
        average_price=fills[0].price if fills else None,
        fills=fills,
        reason=_reason(state, body["status"]),
    )


def account_of(body: Any) -> AccountSummary:
    """The totals of the futures wallet."""
    available = max(Decimal(0), number(body["availableBalance"]))
    return AccountSummary(CURRENCY, number(body["totalWalletBalance"]), available)


def positions_of(rows: Iterable[Any]) -> list[BrokerPosition]:
    """The net position in each symbol that is not flat."""
    held = readable(
        rows, lambda row: BrokerPosition(str(row["symbol"]), number(row["positionAmt"])), lambda row: row["symbol"]
    )
    return [each for each in held if each.quantity]


def _state(status: str, filled: Decimal, asked: Decimal) -> OrderState:
    if status in WORKING:
        return OrderState.ACCEPTED
    if status == "FILLED":
        if filled != asked:
            raise ValueError("an order is filled, and yet not whole")
        return OrderState.FILLED
    if status in ENDED:
        return OrderState.PARTIALLY_FILLED if filled else OrderState.CANCELLED
    if status == "REJECTED":
        return OrderState.REJECTED
    raise ValueError(f"{status!r} is no state of an order that we know")


def _fills(body: Any, filled: Decimal) -> tuple[Fill, ...]:
    price = number(body["avgPrice"]) or number(body["cumQuote"]) / filled
    at = datetime.fromtimestamp(int(body["updateTime"]) / 1000, UTC)
    return (Fill(str(int(body["orderId"])), filled, price, at),)


def _reason(state: OrderState, status: str) -> str | None:
    return None if state in {OrderState.FILLED, OrderState.ACCEPTED} else f"Binance ended the order as {status}."
