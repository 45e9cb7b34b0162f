"""What a person found that the broker really holds of a position: checked, booked, and written down, all at once."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared.database.tables.events import EventRow, Resolution, Strategy
from shared.database.tables.orders import OrderRow, PositionRow
from shared.domain import ORDER_FINAL
from shared.errors import BridgeError
from shared.ledger.settlements import settle

VERDICT = "settled"


class UnknownPosition(BridgeError):
    """There is no position of this id."""


class CannotSettle(BridgeError):
    """The position needs no settlement, or cannot be given one now."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """What the ledger held and what it holds now, in units."""

    before: Decimal
    after: Decimal
    symbol: str


def settle_position(
    session: Session, position_id: int, quantity: Decimal, who: str, reason: str, now: datetime
) -> Settlement:
    """Lets the ledger follow the broker: the position holds `quantity` units from now on, 0 where it is gone.

    Under the strategy's row lock, which every write of a worker takes too. Nothing is traded. Raises UnknownPosition,
    and CannotSettle for a position that is closed, that holds as much, or while an order of its strategy is unsettled.
    """
    position = _locked(session, position_id)
    if position.state != "open":
        raise CannotSettle(f"Position {position_id} is {position.state}; only an open one can be settled.")
    if position.quantity == quantity:
        raise CannotSettle(f"Position {position_id} holds {quantity:f} {position.symbol} already.")
    unsettled = _unsettled(session, position.strategy)
    if unsettled is not None:
        raise CannotSettle(
            f"Order {unsettled.client_order_id} of event {unsettled.event_id} is {unsettled.state}: what is held is "
            "known when it has ended. Wait for it, or resolve that event first."
        )
    before = position.quantity
    order = settle(session, position, quantity, f"{who}: {reason}", now)
    written = {"event_id": position.opened_by, "verdict": VERDICT, "order_id": order.id, "quantity": quantity}
    session.execute(insert(Resolution).values(**written, who=who, note=reason))
    return Settlement(before, quantity, position.symbol)


def _locked(session: Session, position_id: int) -> PositionRow:
    strategy = session.scalar(select(PositionRow.strategy).where(PositionRow.id == position_id))
    if strategy is None:
        raise UnknownPosition(
            f"There is no position {position_id}; `proquant-bridge positions list` shows those there are."
        )
    session.execute(select(Strategy.id).where(Strategy.id == strategy).with_for_update())
    return session.get_one(PositionRow, position_id, with_for_update=True, populate_existing=True)


def _unsettled(session: Session, strategy: int) -> OrderRow | None:
    query = (
        select(OrderRow)
        .join(EventRow, EventRow.id == OrderRow.event_id)
        .where(EventRow.strategy == strategy, OrderRow.state.not_in(ORDER_FINAL))
        .order_by(OrderRow.id)
        .limit(1)
    )
    return session.scalar(query)
