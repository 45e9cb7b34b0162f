"""Finds an order in OANDA's transaction log, which is append-only: what it does not show up to its end is not there.

Pure. Filled, refused and cancelled orders are all in it, which is why a look-up reads the log and not `orders/@id`
(for how long OANDA shows a finished order there is not documented).
"""

from collections.abc import Sequence
from decimal import Decimal

from shared.domain import BrokerOrderId, Leg, OrderState
from workers.brokers.base import OrderReport, OrderRequest
from workers.brokers.oanda.errors import ORDER_EXISTS, RejectionMeaning, meaning_of_reason
from workers.brokers.oanda.translate import Json, filled, number

REJECTED = "MARKET_ORDER_REJECT"
CREATED = "MARKET_ORDER"


def report_of(order: OrderRequest, log: Sequence[Json], trade_client_id: str) -> OrderReport | None:
    """What the log says of this order, or None where it is not in it. A fill outweighs every refusal.

    The same order may stand in it twice: a second attempt that was refused because the first one had been filled.
    """
    created = {row["id"]: row for row in log if row["type"] == CREATED and _is_ours(order, row, trade_client_id)}
    ends = [row for row in log if row["type"] in {"ORDER_FILL", "ORDER_CANCEL"} and row["orderID"] in created]
    if fills := [row for row in ends if row["type"] == "ORDER_FILL"]:
        return filled(order, fills[-1])
    if working := created.keys() - {row["orderID"] for row in ends}:
        return _unfilled(order, max(working, key=int), OrderState.ACCEPTED)
    rejects = [row for row in log if _is_refusal(row) and _is_ours(order, row, trade_client_id)]
    refusals = sorted(ends + rejects, key=lambda row: int(row["id"]))
    return _refused(order, refusals[-1]) if refusals else None


def _is_refusal(row: Json) -> bool:
    """Whether the order was refused for another reason than that one with its id is there."""
    return bool(row["type"] == REJECTED and row.get("rejectReason") != ORDER_EXISTS)


def _is_ours(order: OrderRequest, row: Json, trade_client_id: str) -> bool:
    """An open leg carries our id. A close leg cannot: it is known by the trade that it closes.

    An earlier generation of the same close leg asked for more units than this one, so it is told apart by them.
    """
    if order.leg is Leg.OPEN:
        return bool(row.get("clientExtensions", {}).get("id") == order.client_order_id)
    closes = row.get("tradeClose")
    if not closes or abs(number(row["units"])) > order.quantity:
        return False
    if order.opening is not None and order.opening.trade_id is not None:
        return bool(closes.get("tradeID") == order.opening.trade_id)
    return bool(closes.get("clientTradeID") == trade_client_id)


def _refused(order: OrderRequest, row: Json) -> OrderReport:
    meaning = meaning_of_reason(str(row["rejectReason"] if row["type"] == REJECTED else row["reason"]))
    return _unfilled(order, str(row.get("orderID", row["id"])), OrderState.REJECTED, meaning)


def _unfilled(
    order: OrderRequest, number_: str, state: OrderState, meaning: RejectionMeaning | None = None
) -> OrderReport:
    return OrderReport(
        client_order_id=order.client_order_id,
        broker_order_id=BrokerOrderId(number_),
        state=state,
        filled_quantity=Decimal(0),
        average_price=None,
        error=meaning.type if meaning else None,
        reason=meaning.reason if meaning else None,
    )
