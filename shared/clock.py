"""What time it is, for everything that more than one process must agree on: the database's clock."""

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

Clock = Callable[[Session], datetime]
"""The time (UTC) as seen from inside a transaction; a simulation hands in a virtual one."""


def database_clock(session: Session) -> datetime:
    """The wall clock of the database server: leases of workers on different machines are compared by it alone."""
    now: datetime = session.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)
