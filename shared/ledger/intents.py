"""The intent of an order: written down before it is sent, under an id that is a function of its event."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from sqlalchemy import bindparam
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database.engine import table_of
from shared.database.prepared import Statement
from shared.database.tables.orders import OrderRow
from shared.domain import Direction, Leg, OrderId, OrderState
from shared.keys import client_order_id
from shared.situation.model import Order, Situation

_ORDER = table_of(OrderRow)
_PLACED = ("event_id", "leg", "generation", "client_order_id", "symbol", "side", "quantity", "position_id", "mark")
_SENT = ("state", "attempts", "in_flight_until")
_NEW = {name: bindparam(f"new_{name}", type_=_ORDER.c[name].type) for name in (*_PLACED, *_SENT)}
_PLACE = Statement(insert(_ORDER).values(_NEW).returning(_ORDER.c.id))


def store_intent(session: Session, s: Situation, order: Order, position_id: int | None) -> Order:
    """Commits, with the caller, the intent to send a new order; from then on it may be at the broker.

    `order`: as `new_order` has it. `position_id`: what it closes. Returns the order with its id.
    """
    (placed,) = _PLACE.rows(session, _values(s, order, position_id))
    return replace(order, id=OrderId(placed.id))


def new_order(
    s: Situation,
    leg: Leg,
    generation: int,
    symbol: str,
    side: Direction,
    quantity: Decimal,
    mark: str | None,
    in_flight_until: datetime,
) -> Order:
    """A new order of the event, on its way to the broker, before it is stored."""
    task = s.task
    return Order(
        id=OrderId(0),
        leg=leg,
        generation=generation,
        client_order_id=client_order_id(
            s.account, task.strategy_id, task.proquant_position_id, task.key, leg, generation
        ),
        symbol=symbol,
        side=side,
        quantity=quantity,
        filled=Decimal(0),
        state=OrderState.SUBMITTING,
        attempts=1,
        lookups=0,
        absences=0,
        in_flight_until=in_flight_until,
        mark=mark,
        error=None,
    )


def _values(s: Situation, order: Order, position_id: int | None) -> dict[str, object]:
    return {
        "new_event_id": s.task.id,
        "new_leg": order.leg,
        "new_generation": order.generation,
        "new_client_order_id": order.client_order_id,
        "new_symbol": order.symbol,
        "new_side": order.side,
        "new_quantity": order.quantity,
        "new_position_id": position_id,
        "new_mark": order.mark,
        "new_state": order.state,
        "new_attempts": order.attempts,
        "new_in_flight_until": order.in_flight_until,
    }
