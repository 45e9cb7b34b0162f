"""The ledger: orders, fills, positions, what they waited for, and how the broker's books compared."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    Double,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.schema import TIME, Base


class OrderRow(Base):
    """One order of an event. Inserted by `ledger/intents.py` before it is sent, changed by `ledger/orders.py`,
    `ledger/full_fill.py`; inserted as filled by `ledger/settlements.py`.
    """

    __tablename__ = "orders"
    __table_args__ = (UniqueConstraint("event_id", "leg", "generation"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"))
    leg: Mapped[str] = mapped_column(Text)  # domain.Leg
    generation: Mapped[int] = mapped_column(SmallInteger)  # grows where a new order is meant
    client_order_id: Mapped[str] = mapped_column(Text, unique=True)
    symbol: Mapped[str] = mapped_column(Text)
    side: Mapped[str] = mapped_column(Text)
    quantity: Mapped[Decimal] = mapped_column(Numeric)
    mark: Mapped[str | None] = mapped_column(Text)  # Broker.mark() before the first send
    position_id: Mapped[int | None] = mapped_column(BigInteger)  # what it closes, or has opened; it may be forgotten
    state: Mapped[str] = mapped_column(Text)  # domain.OrderState
    attempts: Mapped[int] = mapped_column(server_default="0")  # grows with every send
    lookups: Mapped[int] = mapped_column(server_default="0")  # look-ups since the outcome became unknown
    absences: Mapped[int] = mapped_column(server_default="0")  # how often a look-up has proven that it is not there
    in_flight_until: Mapped[datetime | None] = mapped_column(TIME)  # until when a send may still reach the broker
    broker_order_id: Mapped[str | None] = mapped_column(Text)
    trade_id: Mapped[str | None] = mapped_column(Text)  # the broker's id of the position, where it has one
    filled_quantity: Mapped[Decimal] = mapped_column(Numeric, server_default="0")  # sum of its fills
    average_price: Mapped[Decimal | None] = mapped_column(Numeric)
    error_type: Mapped[str | None] = mapped_column(Text)  # with `rejected`, where one of the nine fits
    reason: Mapped[str | None] = mapped_column(Text)  # the broker's words, for the operator; never answered
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())


class FillRow(Base):
    """One execution of an order, as the broker told it. Inserted by `ledger/orders.py`, `ledger/full_fill.py` or
    `ledger/settlements.py`, never changed.
    """

    __tablename__ = "fills"
    __table_args__ = (UniqueConstraint("order_id", "fill_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    fill_id: Mapped[str] = mapped_column(Text)
    quantity: Mapped[Decimal] = mapped_column(Numeric)
    price: Mapped[Decimal] = mapped_column(Numeric)
    at: Mapped[datetime] = mapped_column(TIME)


class PositionRow(Base):
    """What one strategy holds, or held. Opened and closed by fills; written by `ledger/orders.py`,
    `ledger/full_fill.py` and `ledger/settlements.py`.
    """

    __tablename__ = "positions"
    __table_args__ = (
        Index(
            "uq_positions_one_open",
            "strategy",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_positions_proquant_id", "strategy", "proquant_position_id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    strategy: Mapped[int] = mapped_column(ForeignKey("strategies.id"))
    proquant_position_id: Mapped[str] = mapped_column(Text)  # of the event that opened it
    ticker: Mapped[str] = mapped_column(Text)
    symbol: Mapped[str] = mapped_column(Text)
    direction: Mapped[str] = mapped_column(Text)
    quantity: Mapped[Decimal] = mapped_column(Numeric)  # still held: fills of its open less fills of its closes
    state: Mapped[str] = mapped_column(Text)  # open, closed
    opened_by: Mapped[int] = mapped_column(BigInteger)  # an event
    confirmed_by: Mapped[int | None] = mapped_column(BigInteger)  # the last REOPEN that asked for what is held
    opened_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    closed_by: Mapped[int | None] = mapped_column(BigInteger)  # an event; with `closed`
    closed_at: Mapped[datetime | None] = mapped_column(TIME)  # with `closed`


class WaitRow(Base):
    """How long a leg of an event waited for our budget of requests, or the broker's patience. Written by
    `ledger/waits.py`.

    It goes with its event. A wait of a second or less is none: a worker's thread spends it and notes nothing.
    """

    __tablename__ = "waits"

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"), primary_key=True)
    leg: Mapped[str] = mapped_column(Text, primary_key=True)  # domain.Leg
    times: Mapped[int] = mapped_column(server_default="1")  # grows with every wait
    seconds: Mapped[float] = mapped_column(Double)  # of all its waits together, as they were decided
    since: Mapped[datetime] = mapped_column(TIME)  # the first began
    until: Mapped[datetime] = mapped_column(TIME)  # the last ends, or has ended
    reason: Mapped[str] = mapped_column(Text)  # of the last: whose limit it was, in words


class Reconciliation(Base):
    """How an account's ledger and its broker compared last: one row an account. Written by `ledger/reconciliation.py`
    only.
    """

    __tablename__ = "reconciliations"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(TIME)  # a look was last asked for, or begun
    looked_at: Mapped[datetime | None] = mapped_column(TIME)  # the last look that said something
    result: Mapped[str | None] = mapped_column(Text)  # drift.Agreement: what that look said
    differences: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default=text("'[]'"))  # that it found
    hindrance: Mapped[str | None] = mapped_column(Text)  # why the very last look could say nothing; null if it did
