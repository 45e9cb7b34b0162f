"""The bridge's own tables as plain values: read once, so that the checks themselves need no database."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
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
    error: str | None = None


@dataclass(frozen=True, slots=True)
class EventFact:
    """A row of the inbox, with its orders. `wanted` is what it asks to hold, in units at the broker."""

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
    orders: tuple[OrderFact, ...] = ()

    @property
    def moment(self) -> tuple[int, int]:
        """When it happened, as ProQuant and then arrival have it."""
        return self.timestamp_ms, self.seq

    @property
    def strategy(self) -> tuple[str, str]:
        return self.account, self.strategy_id

    @property
    def content(self) -> tuple[object, ...]:
        """All that ProQuant says of the position: two REOPENs of equal content want the same."""
        return self.position, self.direction, self.ticker, self.quantity

    def leg(self, leg: str) -> list[OrderFact]:
        """Its orders of one leg, in the order of their generations."""
        return [order for order in self.orders if order.leg == leg]

    def closed_all(self) -> bool:
        """Whether its close leg left nothing to close, or it opened, which says so: then only the opening failed."""
        closes = self.leg("close")
        nothing_left = bool(closes) and (closes[-1].state == "filled" or closes[-1].error == "PositionNotFound")
        return bool(self.leg("open")) or nothing_left

    def __str__(self) -> str:
        return f"event {self.id} ({self.type} {self.position} of {self.account}/{self.strategy_id}, {self.state})"


@dataclass(frozen=True, slots=True)
class PositionFact:
    """A row of the positions. `opened_by` and `closed_by` are events."""

    id: int
    account: str
    strategy_id: str
    symbol: str
    direction: str
    quantity: Decimal
    state: str
    opened_by: int = 0
    closed_by: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the tables say about some accounts. `alerts` are pairs of kind and event. Made by `collect`."""

    events: tuple[EventFact, ...]
    orders: tuple[OrderFact, ...]
    positions: tuple[PositionFact, ...]
    alerts: tuple[tuple[str, int | None], ...]

    def of(self, strategy_id: str) -> "Facts":
        """What is said of the strategies with this id."""
        events = tuple(event for event in self.events if event.strategy_id == strategy_id)
        ids = {event.id for event in events}
        return Facts(
            events,
            tuple(order for order in self.orders if order.event in ids),
            tuple(position for position in self.positions if position.strategy_id == strategy_id),
            tuple((kind, event) for kind, event in self.alerts if event in ids),
        )

    def alerted(self, event: int, *kinds: str) -> bool:
        """Whether a person was told of this event in one of these ways."""
        return any((kind, event) in self.alerts for kind in kinds)


def collect(
    events: Iterable[EventFact],
    orders: Iterable[OrderFact],
    positions: Iterable[PositionFact],
    alerts: Iterable[tuple[str, int | None]],
) -> Facts:
    """The facts of these rows, each event with its orders."""
    found: dict[int, list[OrderFact]] = {}
    for order in orders:
        found.setdefault(order.event, []).append(order)
    whole = tuple(replace(event, orders=tuple(found.get(event.id, ()))) for event in events)
    return Facts(whole, tuple(orders), tuple(positions), tuple(alerts))


def read(session: Session, accounts: Collection[str]) -> Facts:
    """What the tables say about these accounts."""
    events = _events(session, accounts)
    ids = [event.id for event in events]
    alerts = session.execute(
        select(Alert.kind, Alert.event_id)
        .outerjoin(Account, Account.id == Alert.account_id)
        .where(or_(Account.name.in_(accounts), Alert.event_id.in_(ids)))
    )
    return collect(events, _orders(session, ids), _positions(session, accounts), [(a.kind, a.event_id) for a in alerts])


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
            row.error_type,
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
        PositionFact(
            row.id, account, strategy_id, row.symbol, row.direction, row.quantity, row.state, row.opened_by,
            row.closed_by,
        )
        for row, account, strategy_id in rows
    )  # fmt: skip
