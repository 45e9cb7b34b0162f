"""What a person found that the broker really holds: booked as a filled order, so that all sums still agree."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from shared.database.tables.accounts import Account
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.orders import FillRow, OrderRow, PositionRow
from shared.domain import EXACT, Direction, Leg, OrderState
from shared.keys import client_order_id


def settle(session: Session, position: PositionRow, quantity: Decimal, reason: str, now: datetime) -> OrderRow:
    """Lets the open position hold `quantity` (units, at least 0), by an order that no broker has seen.

    It belongs to the event that opened the position. A fill of it tells the difference, at no price. The caller has
    locked the strategy, none of whose orders may be unsettled.
    """
    difference = EXACT.subtract(quantity, position.quantity)
    order = _insert_order(session, position, difference, reason)
    values = {"order_id": order.id, "fill_id": f"{order.client_order_id}:settled", "quantity": order.quantity}
    session.execute(insert(FillRow).values(**values, price=Decimal(0), at=now))
    held: dict[str, object] = {"quantity": quantity}
    if quantity == 0:
        held |= {"state": "closed", "closed_by": position.opened_by, "closed_at": now}
    session.execute(update(PositionRow).where(PositionRow.id == position.id).values(held))
    return order


def _insert_order(session: Session, position: PositionRow, difference: Decimal, reason: str) -> OrderRow:
    leg = Leg.OPEN if difference > 0 else Leg.CLOSE
    direction = Direction(position.direction)
    event = session.get_one(EventRow, position.opened_by)
    strategy = session.get_one(Strategy, position.strategy)
    account = session.get_one(Account, strategy.account_id)
    of_leg = (OrderRow.event_id == event.id, OrderRow.leg == leg)
    newest: int = session.execute(select(func.coalesce(func.max(OrderRow.generation), -1)).where(*of_leg)).scalar_one()
    generation = newest + 1
    key = f"settled:{position.id}:{event.key}"
    values = {
        "event_id": event.id,
        "leg": leg,
        "generation": generation,
        "client_order_id": client_order_id(
            account.name, strategy.strategy_id, position.proquant_position_id, key, leg, generation
        ),
        "symbol": position.symbol,
        "side": direction if leg is Leg.OPEN else direction.opposite,
        "quantity": abs(difference),
        "position_id": position.id,
        "state": OrderState.FILLED,
        "filled_quantity": abs(difference),
        "reason": reason,
    }
    return session.execute(insert(OrderRow).values(values).returning(OrderRow)).scalar_one()
