"""Every table of the bridge. Each column says who writes it and when; times are UTC, quantities in units.

What belongs to an event (orders, fills, closed positions, alerts, answers ...) is deleted with it, by `retention.py`.
"""

from datetime import datetime
from decimal import Decimal

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
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

from shared.schema import TIME, Base

UNFINISHED_STATES = "('received', 'executing', 'waiting', 'parked')"


class Account(Base):
    """Whom we trade for: one account at one broker. Written by `accounts.py`, `instruments.py`."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)
    broker: Mapped[str] = mapped_column(Text)  # built-in name, entry point or dotted path of the adapter's factory
    broker_settings: Mapped[str] = mapped_column(Text)  # encrypted with BRIDGE_SECRET_KEY; set at creation
    multiplier: Mapped[Decimal] = mapped_column(Numeric)  # our quantity for one unit of ProQuant's; set at creation
    paused: Mapped[bool] = mapped_column(server_default=text("false"))  # the CLI's pause and resume
    integration: Mapped[str] = mapped_column(Text, server_default="unknown")  # of tokens that no integration has
    integration_at_ms: Mapped[int | None] = mapped_column(BigInteger)  # timestamp of the event that said so
    instruments_at: Mapped[datetime | None] = mapped_column(TIME)  # last refresh of the account's instruments
    on_deleted: Mapped[str] = mapped_column(Text, server_default="keep")  # orphans.Policy; set by a person, as is ...
    on_disabled: Mapped[str] = mapped_column(Text, server_default="keep")  # ... this one: `accounts policy`
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())


class Token(Base):
    """A bearer token of an account, as its hash. Written by `accounts.py`; a revoked one is kept, not deleted."""

    __tablename__ = "tokens"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    hash: Mapped[str] = mapped_column(Text, unique=True)  # SHA-256, hex
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    revoked_at: Mapped[datetime | None] = mapped_column(TIME)  # rotated away, or of a request that was refused


class InstrumentRow(Base):
    """An instrument of an account: the broker's last list and the file's choices. Written by `instruments.py` only."""

    __tablename__ = "instruments"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    ticker: Mapped[str] = mapped_column(Text, primary_key=True)
    symbol: Mapped[str] = mapped_column(Text)
    minimum: Mapped[Decimal] = mapped_column(Numeric)
    maximum: Mapped[Decimal | None] = mapped_column(Numeric)
    step: Mapped[Decimal] = mapped_column(Numeric)
    currency: Mapped[str] = mapped_column(Text)
    shortable: Mapped[bool] = mapped_column()
    hours: Mapped[list[list[int]] | None] = mapped_column(JSONB(none_as_null=True))  # TradingHours.sessions


class Strategy(Base):
    """One strategy of one account: the unit of order. `strategy_id` is empty for events of the account as a whole.

    The receiver takes `next_seq` under this row's lock (`inbox.py`, `inbox_batch.py`), and `inbox.py` writes the rest;
    `lease.py` leases it to a worker.
    """

    __tablename__ = "strategies"
    __table_args__ = (UniqueConstraint("account_id", "strategy_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    strategy_id: Mapped[str] = mapped_column(Text)  # ProQuant's id
    name: Mapped[str] = mapped_column(Text)  # as the last event called it
    next_seq: Mapped[int] = mapped_column(BigInteger, server_default="1")  # last sequence number given, by the receiver
    enabled: Mapped[bool] = mapped_column(server_default=text("true"))  # STRATEGY_ENABLED, STRATEGY_DISABLED
    enabled_at_ms: Mapped[int | None] = mapped_column(BigInteger)  # timestamp of the event that said so
    lease_owner: Mapped[str | None] = mapped_column(Text)  # the worker thread at work; null when nobody is
    lease_until: Mapped[datetime | None] = mapped_column(TIME)  # by the database's clock; renewed before every order
    fence: Mapped[int] = mapped_column(BigInteger, server_default="0")  # grows with every claim; writes carry it


class EventRow(Base):
    """The inbox: one ProQuant message. Inserted by the receiver through `inbox.py`, many at once through
    `inbox_batch.py`; moved through `progress.py`; noted as told by `refusals.py`; deleted, when old, by `retention.py`.
    """

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("account_id", "key"),
        Index("ix_events_unfinished", "strategy", "timestamp_ms", "seq", postgresql_where=text("finished_at IS NULL")),
        Index("ix_events_strategy_order", "strategy", "timestamp_ms", "seq"),
        Index("ix_events_untold", "finished_at", postgresql_where=text("error_type IS NOT NULL AND NOT refusal_told")),
        CheckConstraint(f"(finished_at IS NULL) = (state IN {UNFINISHED_STATES})", name="ck_events_finished"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)  # the strategy's; no reference, that would lock its row
    strategy: Mapped[int] = mapped_column(ForeignKey("strategies.id"))
    integration_id: Mapped[int | None] = mapped_column(BigInteger)  # whose token it came with; no reference, as above
    seq: Mapped[int] = mapped_column(BigInteger)  # arrival within the strategy; commit order is sequence order
    key: Mapped[str] = mapped_column(Text)  # idempotency key, keys.event_key
    content_hash: Mapped[str] = mapped_column(Text)  # keys.content_hash: the same key with another one is a conflict
    body_hash: Mapped[str] = mapped_column(Text)  # SHA-256 of the body that we do not store
    version: Mapped[str] = mapped_column(Text)  # protocol version that was used; `bridge`: an event of ours
    type: Mapped[str] = mapped_column(Text)
    timestamp_ms: Mapped[int] = mapped_column(BigInteger)  # ProQuant's, Unix milliseconds; tells what is later
    proquant_position_id: Mapped[str | None] = mapped_column(Text)  # signals only, as are the next three
    direction: Mapped[str | None] = mapped_column(Text)
    ticker: Mapped[str | None] = mapped_column(Text)
    quantity: Mapped[Decimal | None] = mapped_column(Numeric)  # as ProQuant sent it, before the multiplier
    received_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    accepted_at: Mapped[datetime | None] = mapped_column(TIME)  # answered 200 before the outcome; by the receiver
    state: Mapped[str] = mapped_column(Text, server_default="received")  # domain.EventState
    attempts: Mapped[int] = mapped_column(server_default="0")  # grows when a worker takes it up
    failures: Mapped[int] = mapped_column(server_default="0")  # grows when our code or an adapter raised; then parks
    next_attempt_at: Mapped[datetime | None] = mapped_column(TIME)  # set with `waiting`
    rung_at: Mapped[datetime | None] = mapped_column(TIME)  # the sweep's last ring
    started_at: Mapped[datetime | None] = mapped_column(TIME)  # first taken up
    finished_at: Mapped[datetime | None] = mapped_column(TIME)  # done, refused or skipped
    error_type: Mapped[str | None] = mapped_column(Text)  # with `refused`: one of the nine or a generic word
    refused_by: Mapped[str | None] = mapped_column(Text)  # with `refused`: bridge or broker
    reason: Mapped[str | None] = mapped_column(Text)  # refused, skipped, waiting, parked: one sentence or word
    refusal_told: Mapped[bool] = mapped_column(server_default=text("false"))  # ProQuant, or a person, knows of it


class OrderRow(Base):
    """One order of an event. Inserted by `intents.py` before it is sent, changed by `ledger.py`, `ledger_whole.py`."""

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
    """One execution of an order, as the broker told it. Inserted by `ledger.py` or `ledger_whole.py`, never changed."""

    __tablename__ = "fills"
    __table_args__ = (UniqueConstraint("order_id", "fill_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    fill_id: Mapped[str] = mapped_column(Text)
    quantity: Mapped[Decimal] = mapped_column(Numeric)
    price: Mapped[Decimal] = mapped_column(Numeric)
    at: Mapped[datetime] = mapped_column(TIME)


class PositionRow(Base):
    """What one strategy holds, or held. Opened and closed by fills; written by `ledger.py` and `ledger_whole.py`."""

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


class Alert(Base):
    """Something that a person should know. Inserted by whoever noticed, through `alerts.py`; told by `routing.py`."""

    __tablename__ = "alerts"
    __table_args__ = (Index("ix_alerts_unrouted", "id", postgresql_where=text("routed_at IS NULL")),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id"), index=True)
    detail: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    routed_at: Mapped[datetime | None] = mapped_column(TIME)  # its deliveries were made, or there is none to make


class ProtocolVersion(Base):
    """A version that ProQuant has sent, and its last known deprecation. Written by `versions.py`, `deprecation.py`."""

    __tablename__ = "protocol_versions"

    version: Mapped[str] = mapped_column(Text, primary_key=True)
    supported: Mapped[bool] = mapped_column()  # whether this build understands it
    deprecation: Mapped[datetime | None] = mapped_column(TIME)  # from then on ProQuant no longer sends it
    odd: Mapped[bool] = mapped_column(server_default=text("false"))  # the last deprecation was no date to be read
    warned_at: Mapped[datetime | None] = mapped_column(TIME)  # a person was last told of its end
    first_seen_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())


class Worker(Base):
    """A worker process, by its heartbeat. Written by its own `sweep.py` and, when it hears the queue, `canary.py`.

    A row whose heart stopped is a dead worker.
    """

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    consumed_at: Mapped[datetime | None] = mapped_column(TIME)  # last time that it had a task from the queue


class SweepLease(Base):
    """Which worker sweeps, until when, and whether the queue is heard: one row. Written by `sweep.py`, `canary.py`."""

    __tablename__ = "sweep_lease"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    owner: Mapped[str | None] = mapped_column(Text)
    until: Mapped[datetime | None] = mapped_column(TIME)
    canary_at: Mapped[datetime | None] = mapped_column(TIME)  # the last canary was put into the queue
    unheard_since: Mapped[datetime | None] = mapped_column(TIME)  # the first canary that no worker has answered yet


class Resolution(Base):
    """What a person decided about a parked event. Inserted by `resolve.py`, never changed."""

    __tablename__ = "resolutions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), index=True)
    verdict: Mapped[str] = mapped_column(Text)  # resolve.Verdict
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)  # unsettled then, if one was
    quantity: Mapped[Decimal | None] = mapped_column(Numeric)  # with `filled`: how much of it was
    price: Mapped[Decimal | None] = mapped_column(Numeric)  # with `filled`, where the person knew it
    who: Mapped[str] = mapped_column(Text)  # user of the operating system
    note: Mapped[str | None] = mapped_column(Text)  # the person's own words
    at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())


class Reconciliation(Base):
    """How an account's ledger and its broker compared last: one row an account. Written by `reconciliation.py` only."""

    __tablename__ = "reconciliations"

    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    asked_at: Mapped[datetime] = mapped_column(TIME)  # a look was last asked for, or begun
    looked_at: Mapped[datetime | None] = mapped_column(TIME)  # the last look that said something
    result: Mapped[str | None] = mapped_column(Text)  # drift.Agreement: what that look said
    differences: Mapped[list[dict[str, str]]] = mapped_column(JSONB, server_default=text("'[]'"))  # that it found
    hindrance: Mapped[str | None] = mapped_column(Text)  # why the very last look could say nothing; null if it did
