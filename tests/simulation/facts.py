"""What the bridge's own tables say at the end of a world, read with plain SQL."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine, text

EVENTS = """
SELECT e.id, s.strategy_id AS strategy, e.seq, e.type, e.timestamp_ms, e.proquant_position_id AS named, e.direction,
       e.ticker, e.quantity, e.state, e.error_type AS error, e.refused_by, e.reason, e.received_at, e.started_at,
       e.finished_at, e.accepted_at
FROM events e JOIN strategies s ON s.id = e.strategy ORDER BY e.timestamp_ms, e.seq
"""
ORDERS = """
SELECT o.id, o.event_id, o.leg, o.generation, o.client_order_id, o.symbol, o.side, o.quantity, o.state,
       o.error_type AS error, o.filled_quantity AS filled,
       coalesce((SELECT sum(f.quantity) FROM fills f WHERE f.order_id = o.id), 0) AS fills
FROM orders o ORDER BY o.id
"""
POSITIONS = """
SELECT p.id, s.strategy_id AS strategy, p.symbol, p.direction, p.quantity, p.state, p.opened_by, p.closed_by
FROM positions p JOIN strategies s ON s.id = p.strategy ORDER BY p.id
"""
ALERTS = "SELECT kind, event_id FROM alerts"


@dataclass(slots=True)
class OrderFact:
    """A row of `orders`, with the sum of its fills."""

    id: int
    event_id: int
    leg: str
    generation: int
    client_order_id: str
    symbol: str
    side: str
    quantity: Decimal
    state: str
    error: str | None
    filled: Decimal
    fills: Decimal


@dataclass(slots=True)
class EventFact:
    """A row of `events`, with its orders."""

    id: int
    strategy: str
    seq: int
    type: str
    timestamp_ms: int
    named: str
    direction: str
    ticker: str
    quantity: Decimal
    state: str
    error: str | None
    refused_by: str | None
    reason: str | None
    received_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    accepted_at: datetime | None
    orders: list[OrderFact] = field(default_factory=list)

    @property
    def moment(self) -> tuple[int, int]:
        """When it happened, as ProQuant and then arrival have it."""
        return self.timestamp_ms, self.seq

    @property
    def content(self) -> tuple[str, str, str, Decimal]:
        """All that ProQuant says of the position: two REOPENs of equal content want the same."""
        return self.named, self.direction, self.ticker, self.quantity

    def leg(self, leg: str) -> list[OrderFact]:
        """Its orders of one leg, in the order of their generations."""
        return [order for order in self.orders if order.leg == leg]

    def __str__(self) -> str:
        end = f"{self.state} {self.error or ''} {self.reason or ''}".strip()
        return f"{self.strategy} {self.type} {self.timestamp_ms % 1_000_000} ({self.named}): {end}"


@dataclass(slots=True)
class PositionFact:
    """A row of `positions`."""

    id: int
    strategy: str
    symbol: str
    direction: str
    quantity: Decimal
    state: str
    opened_by: int
    closed_by: int | None


@dataclass(slots=True)
class Facts:
    """Everything the tables say about one world."""

    events: list[EventFact]
    positions: list[PositionFact]
    alerts: list[tuple[str, int | None]]

    def of(self, strategy: str) -> list[EventFact]:
        """The events of a strategy, in ProQuant's order."""
        return [event for event in self.events if event.strategy == strategy]


def read(engine: Engine) -> Facts:
    """The tables as they are now; they hold one world."""
    with engine.connect() as connection:

        def rows(query: str) -> list[dict[str, Any]]:
            return [dict(row) for row in connection.execute(text(query)).mappings()]

        events = [EventFact(**row) for row in rows(EVENTS)]
        orders = [OrderFact(**row) for row in rows(ORDERS)]
        positions = [PositionFact(**row) for row in rows(POSITIONS)]
        alerts = [(row["kind"], row["event_id"]) for row in rows(ALERTS)]
    for event in events:
        event.orders = [order for order in orders if order.event_id == event.id]
    return Facts(events, positions, alerts)
