"""Alerts, and their deliveries to channels."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.schema import TIME, Base


class Alert(Base):
    """Something that a person should know. Inserted by whoever noticed, through `alerts/raising.py`; told by
    `alerts/routing.py`.
    """

    __tablename__ = "alerts"
    __table_args__ = (Index("ix_alerts_unrouted", "id", postgresql_where=text("routed_at IS NULL")),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))
    event_id: Mapped[int | None] = mapped_column(ForeignKey("events.id"), index=True)
    detail: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    routed_at: Mapped[datetime | None] = mapped_column(TIME)  # its deliveries were made, or there is none to make


class DeliveryRow(Base):
    """One alert on its way to one channel. Inserted by `alerts/routing.py`, moved by `alerts/deliveries.py`, never
    deleted.
    """

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
