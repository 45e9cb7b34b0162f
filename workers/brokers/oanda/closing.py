"""Decides what a close leg closes: which trade, how many units of it, and whether it is ours at all. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from shared.domain import Direction, ErrorType
from workers.brokers.base import OrderRejected, OrderRequest
from workers.brokers.oanda.translate import Json, number


@dataclass(frozen=True, slots=True)
class Closing:
    """So many units of the trade with this number. Numbers are never used twice, the ids of strategies are."""

    trade_id: str
    quantity: Decimal


def closing_of(order: OrderRequest, trade_client_id: str, trade: Json | None) -> Closing:
    """What to close; `trade` is what OANDA shows under the number, or else under the strategy's id, or None.

    A trade that was opened a moment ago may not be shown yet, so only the close itself can tell that a numbered trade
    is gone. Raises OrderRejected where the trade is closed, or is not the one that the strategy opened.
    """
    known = order.opening.trade_id if order.opening else None
    if not (order.quantity.is_finite() and order.quantity > 0):
        raise OrderRejected(ErrorType.QUANTITY_TOO_LOW, "Nothing is to be closed.")
    if trade is None and known is not None:
        return Closing(known, order.quantity)
    if trade is None or trade["state"] == "CLOSED":
        raise OrderRejected(ErrorType.POSITION_NOT_FOUND, "The trade is not open at OANDA any more.")
    if not _is_ours(order, trade_client_id, trade):
        if known is None:
            raise OrderRejected(ErrorType.POSITION_NOT_FOUND, "The strategy's open trade is of a later order.")
        raise OrderRejected(None, f"Trade {known} is not the one that this strategy has opened; nothing was closed.")
    return Closing(str(trade["id"]), min(order.quantity, abs(number(trade["currentUnits"]))))


def _is_ours(order: OrderRequest, trade_client_id: str, trade: Json) -> bool:
    """By its id, the order that opened it, its instrument and its direction."""
    extensions = trade.get("clientExtensions", {})
    opened_by = order.opening is None or extensions.get("comment") == order.opening.client_order_id
    is_long = number(trade["currentUnits"]) > 0
    return (
        extensions.get("id") == trade_client_id
        and opened_by
        and trade["instrument"] == order.symbol
        and is_long is (order.side is Direction.SELL)
    )
