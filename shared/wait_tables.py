"""The table of what had to wait for requests that an account may make. Rules as in `tables.py`."""

from datetime import datetime

from sqlalchemy import Double, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from shared.schema import TIME, Base


class WaitRow(Base):
    """How long a leg of an event waited for our budget of requests, or the broker's patience. Written by `waits.py`.

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
