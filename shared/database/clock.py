"""What time it is, for everything that more than one process must agree on: the database's clock."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select

from shared.database.prepared import Link

Clock = Callable[[Link], datetime]
"""The time (UTC) as seen from inside a transaction; a simulation hands in a virtual one."""

ASK_AGAIN_SECONDS = 5.0


def database_clock(link: Link) -> datetime:
    """The wall clock of the database server: leases of workers on different machines are compared by it alone."""
    now: datetime = link.execute(select(func.clock_timestamp())).scalar_one()
    return now.astimezone(UTC)


class SteadyClock:
    """The database's clock without a question for every look: asked every few seconds, and counted on in between.

    It is behind by at most the time that the answer took to come. Thread-safe.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._asked: tuple[datetime, float] | None = None

    def __call__(self, link: Link) -> datetime:
        with self._lock:
            asked = self._asked
        if asked is None or self._monotonic() - asked[1] > ASK_AGAIN_SECONDS:
            asked = (database_clock(link), self._monotonic())
            with self._lock:
                self._asked = asked
        return self._counted_on(asked)

    def estimate(self) -> datetime:
        """The same without a database; this machine's own clock before the first question."""
        with self._lock:
            asked = self._asked
        return datetime.now(UTC) if asked is None else self._counted_on(asked)

    def _counted_on(self, asked: tuple[datetime, float]) -> datetime:
        return asked[0] + timedelta(seconds=self._monotonic() - asked[1])
