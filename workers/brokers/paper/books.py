"""Reads the paper broker's books: for the broker itself, and for whoever checks the bridge against them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, select
from sqlalchemy.orm import Session

from shared.domain import BrokerOrderId, ClientOrderId, Direction, ErrorType, Leg, OrderState
from workers.brokers.base import Fill, OrderReport
from workers.brokers.paper.margin import Holding
from workers.brokers.paper.tables import PaperAccount, PaperFill, PaperOrder, PaperPosition

Reader = Session | Connection


@dataclass(frozen=True, slots=True)
class AcceptedOrder:
    """One accepted order. `acceptance` grows by one with each order that the account's books accepted.

    `finished_at` is None while the order is working; it was final and done when a later `accepted_at` is not before it.
    """

    acceptance: int
    client_order_id: ClientOrderId
    symbol: str
    side: Direction
    quantity: Decimal
    leg: Leg
    strategy_id: str
    proquant_position_id: str
    state: OrderState
    filled_quantity: Decimal
    average_price: Decimal | None
    accepted_at: datetime
    finished_at: datetime | None


def accepted_orders(reader: Reader, account: str) -> list[AcceptedOrder]:
    """Every order that the books of the account with this name accepted, in that order; none for an unknown name."""
    order = PaperOrder
    rows = reader.execute(
        select(
            order.acceptance, order.client_order_id, order.symbol, order.side, order.quantity, order.leg,
            order.strategy_id, order.proquant_position_id, order.state, order.filled_quantity, order.average_price,
            order.accepted_at, order.finished_at,
        )
        .join(PaperAccount, PaperAccount.id == order.account_id)
        .where(PaperAccount.name == account, order.acceptance.is_not(None))
        .order_by(order.acceptance)
    )  # fmt: skip
    return [_accepted(**row._mapping) for row in rows]


def net_positions(reader: Reader, account: str) -> dict[str, Decimal]:
    """The signed net quantity of each symbol that is not flat."""
    rows = reader.execute(
        select(PaperPosition.symbol, PaperPosition.quantity)
        .join(PaperAccount, PaperAccount.id == PaperPosition.account_id)
        .where(PaperAccount.name == account, PaperPosition.quantity != 0)
        .order_by(PaperPosition.symbol)
    )
    return {row.symbol: row.quantity for row in rows}


def holdings(session: Session, account: PaperAccount) -> dict[str, Holding]:
    """What the account holds, by symbol."""
    rows = session.execute(
        select(PaperPosition.symbol, PaperPosition.quantity, PaperPosition.average_price).where(
            PaperPosition.account_id == account.id, PaperPosition.quantity != 0
        )
    )
    return {symbol: Holding(quantity, price) for symbol, quantity, price in rows}


def latest_order(session: Session, account: PaperAccount, client_order_id: ClientOrderId) -> PaperOrder | None:
    """The last order that came with this client order id; there is more than one only where dedupe allows it."""
    return session.scalar(
        select(PaperOrder)
        .where(PaperOrder.account_id == account.id, PaperOrder.client_order_id == client_order_id)
        .order_by(PaperOrder.id.desc())
        .limit(1)
    )


def report(session: Session, order: PaperOrder) -> OrderReport:
    """The books' word on one order, as the contract wants it."""
    fills = session.scalars(select(PaperFill).where(PaperFill.order_id == order.id).order_by(PaperFill.id))
    return OrderReport(
        client_order_id=ClientOrderId(order.client_order_id),
        broker_order_id=BrokerOrderId(f"P{order.id}"),
        state=OrderState(order.state),
        filled_quantity=order.filled_quantity,
        average_price=order.average_price,
        fills=_fills(fills.all()),
        error=None if order.error_type is None else ErrorType(order.error_type),
        reason=order.reason,
    )


def _fills(rows: Sequence[PaperFill]) -> tuple[Fill, ...]:
    return tuple(Fill(row.fill_id, row.quantity, row.price, row.at) for row in rows)


def _accepted(
    client_order_id: str, side: str, leg: str, state: str, acceptance: int, symbol: str, quantity: Decimal,
    strategy_id: str, proquant_position_id: str, filled_quantity: Decimal, average_price: Decimal | None,
    accepted_at: datetime, finished_at: datetime | None,
) -> AcceptedOrder:  # fmt: skip
    return AcceptedOrder(
        acceptance, ClientOrderId(client_order_id), symbol, Direction(side), quantity, Leg(leg), strategy_id,
        proquant_position_id, OrderState(state), filled_quantity, average_price, accepted_at, finished_at,
    )  # fmt: skip
