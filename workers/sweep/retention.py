"""Deletes old events, a batch at every sweep, where a retention time is set."""

import time
from collections.abc import Callable
from datetime import timedelta

import structlog

from shared.database.clock import Clock, database_clock
from shared.database.engine import Sessions, not_durable
from shared.domain import EventId
from shared.inbox import retention

log = structlog.get_logger()

BATCHES = 4  # a sweep: two thousand events looked at, and the next duty waits for a fraction of a second
REST_SECONDS = 3600.0  # between two times through everything: what was too young is an hour older
FIRST = EventId(0)


class Retention:
    """Goes through the events by id, sweep after sweep, and begins anew an hour after it has seen them all.

    How far it has come is in memory alone: another worker that takes the sweep over begins at the first event. `days`:
    how long a finished event is kept; 0 = for ever.
    """

    def __init__(
        self,
        sessions: Sessions,
        days: int,
        clock: Clock = database_clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._days = days
        self._clock = clock
        self._monotonic = monotonic
        self._after = FIRST
        self._forgotten = 0
        self._not_before = monotonic()

    def forget(self) -> None:
        """A few batches, if it is time for them: the duty of a sweep."""
        if self._days == 0 or self._monotonic() < self._not_before:
            return
        for _ in range(BATCHES):
            if self._forget_batch():
                self._rest()
                break

    def _forget_batch(self) -> bool:
        """Whether it was the last one. A crash loses a batch, or the note of it, and the next time does it again."""
        with self._sessions.begin() as session:
            not_durable(session)
            before = self._clock(session) - timedelta(days=self._days)
            batch = retention.forget_events(session, before, self._after)
            if batch.after is None:
                retention.forget_alerts(session, before)
        self._forgotten += batch.events
        self._after = batch.after or FIRST
        return batch.after is None

    def _rest(self) -> None:
        if self._forgotten:
            log.info("Old events were deleted.", action="forgotten", events=self._forgotten, kept_days=self._days)
        self._forgotten = 0
        self._not_before = self._monotonic() + REST_SECONDS
