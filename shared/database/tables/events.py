"""Strategies and their events: the inbox, what was answered, what a person decided, the versions that came."""

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
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.schema import TIME, Base

UNFINISHED_STATES = "('received', 'executing', 'waiting', 'parked')"


class Strategy(Base):
    """One strategy of one account: the unit of order. `strategy_id` is empty for events of the account as a whole.

    The receiver takes `next_seq` under this row's lock (`inbox/store.py`, `inbox/store_batch.py`), and `inbox/store.py`
    writes the rest; `workers/execution/lease.py` leases it to a worker.
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
    """The inbox: one ProQuant message. Inserted by the receiver through `inbox/store.py`, many at once through
    `inbox/store_batch.py`; moved through `inbox/states.py`; noted as told by `inbox/refusals.py`; deleted, when old, by
    `inbox/retention.py`.
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


class AnswerRow(Base):
    """An answer that ProQuant got to an event, once for each that differs. Written by `receiver/answer_log.py` after
    answering.

    Kept apart from the event: the receiver writes them in batches, and no answer waits for it.
    """

    __tablename__ = "answers"

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), primary_key=True)
    status: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    body: Mapped[str] = mapped_column(Text, primary_key=True)  # empty with 200
    first_at: Mapped[datetime] = mapped_column(TIME)  # by the database's clock, as the events' own times
    last_at: Mapped[datetime] = mapped_column(TIME)  # grows with every redelivery that got this answer
    times: Mapped[int] = mapped_column()  # grows with every redelivery that got this answer


class Resolution(Base):
    """What a person decided about a parked event, or found of a position. Inserted by
    `tools/operations/resolve_event.py` and `tools/operations/settle_position.py`, never changed.
    """

    __tablename__ = "resolutions"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), index=True)
    verdict: Mapped[str] = mapped_column(Text)  # resolve_event.ResolutionVerdict, or `settled`
    order_id: Mapped[int | None] = mapped_column(ForeignKey("orders.id"), index=True)  # unsettled then, if one was
    quantity: Mapped[Decimal | None] = mapped_column(Numeric)  # with `filled`: how much of it was
    price: Mapped[Decimal | None] = mapped_column(Numeric)  # with `filled`, where the person knew it
    who: Mapped[str] = mapped_column(Text)  # user of the operating system
    note: Mapped[str | None] = mapped_column(Text)  # the person's own words
    at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())


class ProtocolVersion(Base):
    """A version that ProQuant has sent, and its last known deprecation. Written by `receiver/protocol_versions.py`,
    `workers/sweep/deprecation_warnings.py`.
    """

    __tablename__ = "protocol_versions"

    version: Mapped[str] = mapped_column(Text, primary_key=True)
    supported: Mapped[bool] = mapped_column()  # whether this build understands it
    deprecation: Mapped[datetime | None] = mapped_column(TIME)  # from then on ProQuant no longer sends it
    odd: Mapped[bool] = mapped_column(server_default=text("false"))  # the last deprecation was no date to be read
    warned_at: Mapped[datetime | None] = mapped_column(TIME)  # a person was last told of its end
    first_seen_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
