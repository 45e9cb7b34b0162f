"""The names that our orders and trades have at OANDA, and the bodies that carry them. Pure.

An order has the per-signal client order id. A trade has an id of its strategy, so that OANDA itself refuses a second
open trade of the strategy (CLIENT_TRADE_ID_ALREADY_EXISTS); its tag is ProQuant's position id, for people, and its
comment the client order id of the open leg, so that a close can be sure what it closes.
"""

import hashlib
import re
from decimal import Decimal
from typing import Any

from shared.domain import Direction
from workers.brokers.base import OrderRequest
from workers.brokers.oanda.translate import units

_SAFE = re.compile(
    r"[A-Za-z0-9_-]{1,128}"
)  # the longest id is 128; OANDA names no alphabet, so we stay in the smallest


def trade_client_id(account: str, strategy_id: str) -> str:
    """The id of the trade that a strategy of the bridge's account holds, if it holds one."""
    return f"pqs-{_digest(account, strategy_id)}"


def tag(proquant_position_id: str) -> str:
    """ProQuant's position id where OANDA can take it as it is, else a hash of it."""
    return proquant_position_id if _SAFE.fullmatch(proquant_position_id) else f"pqp-{_digest(proquant_position_id)}"


def opening_body(order: OrderRequest, account: str) -> dict[str, Any]:
    """A market order that opens and never reduces: fill or kill, OPEN_ONLY, whichever way the account nets."""
    signed = order.quantity if order.side is Direction.BUY else -order.quantity
    extensions = {"id": order.client_order_id, "tag": tag(order.proquant_position_id)}
    trade = {
        "id": trade_client_id(account, order.strategy_id),
        "tag": tag(order.proquant_position_id),
        "comment": order.client_order_id,
    }
    return {
        "order": {
            "type": "MARKET",
            "instrument": order.symbol,
            "units": units(signed),
            "timeInForce": "FOK",
            "positionFill": "OPEN_ONLY",
            "clientExtensions": extensions,
            "tradeClientExtensions": trade,
        }
    }


def closing_body(quantity: Decimal) -> dict[str, Any]:
    """So many units of one trade; never ALL, which would close what the ledger does not know of."""
    return {"units": units(quantity)}


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
