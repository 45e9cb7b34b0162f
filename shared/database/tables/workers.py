"""Workers by their heartbeats, and which of them sweeps."""

from datetime import datetime

from sqlalchemy import (
    SmallInteger,
    Text,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from shared.database.schema import TIME, Base


class Worker(Base):
    """A worker process, by its heartbeat. Written by its own `workers/sweep/sweeper.py` and, when it hears the queue,
    `queue/canary.py`.

    A row whose heart stopped is a dead worker.
    """

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    seen_at: Mapped[datetime] = mapped_column(TIME, server_default=func.now())
    consumed_at: Mapped[datetime | None] = mapped_column(TIME)  # last time that it had a task from the queue


class SweepLease(Base):
    """Which worker sweeps, until when, and whether the queue is read: one row. Written by `workers/sweep/sweeper.py`,
    `queue/canary.py`.
    """

    __tablename__ = "sweep_lease"

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    owner: Mapped[str | None] = mapped_column(Text)
    until: Mapped[datetime | None] = mapped_column(TIME)
    canary_at: Mapped[datetime | None] = mapped_column(TIME)  # the last canary was put into the queue
    unheard_since: Mapped[datetime | None] = mapped_column(TIME)  # the first canary that no worker has answered yet
