"""The tables of what anyone was told: deliveries to channels, and answers to ProQuant. Rules as in `tables.py`."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, SmallInteger, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.schema import TIME, Base


class DeliveryRow(Base):
    """One alert on its way to one channel. Inserted by `routing.py`, moved by `deliveries.py`, never deleted."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("alert_id", "channel"),
        Index("ix_deliveries_pending", "channel", "next_attempt_at", postgresql_where=text("state = 'pending'")),
        Index("ix_deliveries_topic", "channel", "topic", "created_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alerts.id"))
    channel: Mapped[str] = mapped_column(Text)  # its name in the notifications file
    topic: Mapped[str] = mapped_column(Text)  # rules.topic: what is told once in a while only
    state: Mapped[str] = mapped_column(Text)  # notifications.rules.DeliveryState
    reason: Mapped[str | None] = mapped_column(Text)  # with `suppressed`: why; otherwise what the last attempt met
    last_of_day: Mapped[bool] = mapped_column(server_default=text("false"))  # its message says that the cap is reached
    attempts: Mapped[int] = mapped_column(server_default="0")  # grows with every claim; a note of its end carries it
    next_attempt_at: Mapped[datetime | None] = mapped_column(TIME)  # with `pending`: due from then on
    created_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    finished_at: Mapped[datetime | None] = mapped_column(TIME)  # sent, suppressed or given up


class AnswerRow(Base):
    """An answer that ProQuant got to an event, once for each that differs. Written by `answered.py` after answering.

    Kept apart from the event: the receiver writes them in batches, and no answer waits for it.
    """

    __tablename__ = "answers"

    event_id: Mapped[int] = mapped_column(ForeignKey("events.id"), primary_key=True)
    status: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    body: Mapped[str] = mapped_column(Text, primary_key=True)  # empty with 200
    first_at: Mapped[datetime] = mapped_column(TIME)  # by the database's clock, as the events' own times
    last_at: Mapped[datetime] = mapped_column(TIME)  # grows with every redelivery that got this answer
    times: Mapped[int] = mapped_column()  # grows with every redelivery that got this answer
