"""The bridge's own tables as plain values: read once, so that the checks themselves need no database."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from shared.database.tables.accounts import Account
from shared.database.tables.alerts import Alert
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.orders import FillRow, OrderRow, PositionRow

FINISHED = ("done", "refused", "skipped")


@dataclass(frozen=True, slots=True)
class EventFact:
    """A row of the inbox. `wanted` is what it asks to hold, in units at the broker."""

    id: int
    account: str
    strategy_id: str
    type: str
    timestamp_ms: int
    seq: int
    position: str | None
    direction: str | None
    ticker: str | None
    quantity: Decimal | None
    wanted: Decimal
    state: str
    error: str | None
    refused_by: str | None
    reason: str | None
    received_at: datetime
    accepted_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def moment(self) -> tuple[int, int]:
        return self.timestamp_ms, self.seq

    @property
    def strategy(self) -> tuple[str, str]:
        return self.account, self.strategy_id

    def __str__(self) -> str:
        return f"event {self.id} ({self.type} {self.position} of {self.account}/{self.strategy_id}, {self.state})"


@dataclass(frozen=True, slots=True)
class OrderFact:
    """A row of the orders. `fills` is the sum of its rows in the table of fills."""

    id: int
    event: int
    leg: str
    generation: int
    client_order_id: str
    symbol: str
    side: str
    quantity: Decimal
    state: str
    filled: Decimal
    fills: Decimal
    attempts: int
    position: int | None


@dataclass(frozen=True, slots=True)
class PositionFact:
    """A row of the positions."""

    id: int
    account: str
    strategy_id: str
    symbol: str
    direction: str
    quantity: Decimal
    state: str


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the tables say about some accounts. `alerts` are pairs of kind and event."""

    events: tuple[EventFact, ...]
    orders: tuple[OrderFact, ...]
    positions: tuple[PositionFact, ...]
    alerts: frozenset[tuple[str, int | None]]

    def orders_of(self) -> dict[int, list[OrderFact]]:
        """The orders of each event."""
        found: dict[int, list[OrderFact]] = {event.id: [] for event in self.events}
        for order in self.orders:
            found[order.event].append(order)
        return found

    def alerted(self, event: int, *kinds: str) -> bool:
        """Whether a person was told of this event in one of these ways."""
        return any((kind, event) in self.alerts for kind in kinds)


def read(session: Session, accounts: Collection[str]) -> Facts:
    """What the tables say about these accounts."""
    events = _events(session, accounts)
    ids = [event.id for event in events]
    alerts = session.execute(
        select(Alert.kind, Alert.event_id)
        .outerjoin(Account, Account.id == Alert.account_id)
        .where(or_(Account.name.in_(accounts), Alert.event_id.in_(ids)))
    )
    return Facts(
        events, _orders(session, ids), _positions(session, accounts), frozenset((a.kind, a.event_id) for a in alerts)
    )


def _events(session: Session, accounts: Collection[str]) -> tuple[EventFact, ...]:
    rows = session.execute(
        select(EventRow, Account.name, Account.multiplier, Strategy.strategy_id)
        .join(Account, Account.id == EventRow.account_id)
        .join(Strategy, Strategy.id == EventRow.strategy)
        .where(Account.name.in_(accounts))
        .order_by(EventRow.id)
        .execution_options(populate_existing=True)
    )
    return tuple(
        EventFact(
            row.id, account, strategy_id, row.type, row.timestamp_ms, row.seq, row.proquant_position_id, row.direction,
            row.ticker, row.quantity, (row.quantity or Decimal(0)) * multiplier, row.state, row.error_type,
            row.refused_by, row.reason, row.received_at, row.accepted_at,
            row.started_at, row.finished_at,
        )
        for row, account, multiplier, strategy_id in rows
    )  # fmt: skip


def _orders(session: Session, events: Collection[int]) -> tuple[OrderFact, ...]:
    fills = (
        select(func.coalesce(func.sum(FillRow.quantity), 0)).where(FillRow.order_id == OrderRow.id).scalar_subquery()
    )
    rows = session.execute(
        select(OrderRow, fills)
        .where(OrderRow.event_id.in_(events))
        .order_by(OrderRow.id)
        .execution_options(populate_existing=True)
    )
    return tuple(
        OrderFact(
            row.id, row.event_id, row.leg, row.generation, row.client_order_id, row.symbol, row.side, row.quantity,
            row.state, row.filled_quantity, Decimal(filled), row.attempts, row.position_id,
        )
        for row, filled in rows
    )  # fmt: skip


def _positions(session: Session, accounts: Collection[str]) -> tuple[PositionFact, ...]:
    rows = session.execute(
        select(PositionRow, Account.name, Strategy.strategy_id)
        .join(Strategy, Strategy.id == PositionRow.strategy)
        .join(Account, Account.id == Strategy.account_id)
        .where(Account.name.in_(accounts))
        .order_by(PositionRow.id)
        .execution_options(populate_existing=True)
    )
    return tuple(
        PositionFact(row.id, account, strategy_id, row.symbol, row.direction, row.quantity, row.state)
        for row, account, strategy_id in rows
    )
