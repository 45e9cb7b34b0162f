"""The sweep: finds due events that have no doorbell and rings for them, and writes this worker's heartbeat."""

import heapq
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import case, delete, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.accounts import instruments
from shared.database.clock import Clock, database_clock
from shared.database.engine import Sessions
from shared.database.tables.workers import SweepLease, Worker
from shared.domain import AccountId, EventId
from shared.inbox import states
from shared.queue import canary
from workers.sweep.duties import DutiesFailed, Duty, run_duties

log = structlog.get_logger()

RING_AT_ONCE = 500  # doorbells a sweep; more would only queue up behind each other
ALWAYS_RUNG = 20  # also while the queue is long: one of them may be an event whose doorbell was lost
INSTRUMENTS_AGE = timedelta(minutes=10)
SHORTEST_ALARM_SECONDS = 0.02
DEAD_WORKER_AGE = timedelta(days=1)  # its row is kept that long, so that `doctor` can tell of it


class Sweeper:
    """Sweeps at an interval, and rings single events at the time they asked for. `run` ends when `stop` is called.

    Every worker process has one; the database's sweep lease lets one at a time sweep. Alarms are a shortcut for waits
    of a few seconds: one that is lost is found by the sweep. `refresh`: told at every sweep which accounts' instruments
    are stale. `heard`: seconds since this process had a task from the queue. `duties`: what else whoever sweeps has to
    do, in transactions of its own. `queued`: tasks that wait in the queue; while they are many, what is due is likely
    to be among them.
    """

    def __init__(
        self,
        sessions: Sessions,
        ring: Callable[[EventId], bool],
        refresh: Callable[[Sequence[AccountId]], None],
        worker: str,
        interval: float,
        clock: Clock = database_clock,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        heard: Callable[[], float | None] = lambda: None,
        duties: Sequence[Duty] = (),
        queued: Callable[[], int] = lambda: 0,
    ) -> None:
        self._sessions = sessions
        self._ring = ring
        self._refresh = refresh
        self._worker = worker
        self._interval = interval
        self._clock = clock
        self._now = now
        self._heard = heard
        self._duties = duties
        self._queued = queued
        self._alarms: list[tuple[float, EventId]] = []
        self._changed = threading.Condition()
        self._stopped = False

    def wake(self, event: EventId, at: datetime) -> None:
        """Rings the event at this time (UTC), by the database's clock as far as this process knows it.

        Not at once: by a clock that is ahead the event would not be due yet, and would ask to be woken again and again.
        """
        delay = max(SHORTEST_ALARM_SECONDS, (at - self._now()).total_seconds())
        with self._changed:
            heapq.heappush(self._alarms, (time.monotonic() + delay, event))
            self._changed.notify()

    def stop(self) -> None:
        """Lets `run` return soon."""
        with self._changed:
            self._stopped = True
            self._changed.notify()

    def run(self) -> None:
        """Sweeps and rings until stopped. A database that is away is waited for, and no fault of ours ends it."""
        next_sweep = time.monotonic()
        while (event := self._next_alarm(next_sweep)) is not _STOP:
            if event is not None:
                self._ring(event)
                continue
            try:
                self.sweep()
            except SQLAlchemyError as error:
                log.error("The sweep found no database.", action="sweep_failed", error=type(error).__name__)
            except DutiesFailed as failed:
                log.error("The sweep failed in part.", action="sweep_failed", duties=str(failed))
            except Exception:  # without the sweep nothing is found that was lost: the next one must come
                log.exception("The sweep failed.", action="sweep_failed")
            next_sweep = time.monotonic() + self._interval  # counted from its end, so that alarms have their time too

    def sweep(self) -> int:
        """One sweep; returns how many events it rang. None while another worker has the lease.

        Raises DutiesFailed when all was done that could be, and some duty failed.
        """
        at_once = max(ALWAYS_RUNG, RING_AT_ONCE - self._queued())
        with self._sessions.begin() as session:
            now = self._clock(session)
            _beat(session, self._worker, now, self._heard())
            if not _take_lease(session, self._worker, now, self._interval):
                return 0
            due = states.to_ring(session, now, now - timedelta(seconds=self._interval), at_once)
            stale = instruments.stale(session, now - INSTRUMENTS_AGE)
        rung = sum(self._ring(event) for event in due)
        self._refresh(stale)
        if due:
            log.info("Events were due and unattended.", action="sweep", due=len(due), rung=rung)
        run_duties(self._duties)
        return rung

    def _next_alarm(self, next_sweep: float) -> "EventId | None":
        """The event whose alarm goes off first; None when it is time to sweep; _STOP when it is time to go.

        Sweeping goes first. With thousands of alarms at once, as after an outage of a broker, no heart would beat, and
        a worker that is busy would be taken for one that is dead or does not hear the queue.
        """
        with self._changed:
            while not self._stopped:
                now = time.monotonic()
                if next_sweep <= now:
                    return None
                if self._alarms and self._alarms[0][0] <= now:
                    return heapq.heappop(self._alarms)[1]
                first = min(next_sweep, self._alarms[0][0] if self._alarms else next_sweep)
                self._changed.wait(first - now)
            return _STOP


_STOP = EventId(-1)


def _beat(session: Session, worker: str, now: datetime, heard: float | None) -> None:
    consumed_at = None if heard is None else now - timedelta(seconds=heard)
    latest = func.greatest(Worker.consumed_at, consumed_at)  # ignores nulls
    session.execute(
        insert(Worker)
        .values(name=worker, seen_at=now, consumed_at=consumed_at)
        .on_conflict_do_update(index_elements=["name"], set_={"seen_at": now, "consumed_at": latest})
    )
    session.execute(delete(Worker).where(Worker.seen_at < now - DEAD_WORKER_AGE))


def _take_lease(session: Session, worker: str, now: datetime, seconds: float) -> bool:
    """Whether this worker is the one that sweeps now: the holder goes on, another takes over when it stops.

    A new holder starts with a new canary: while no worker swept, none may have consumed either.
    """
    session.execute(insert(SweepLease).values(id=1).on_conflict_do_nothing())
    free = or_(SweepLease.until.is_(None), SweepLease.until < now, SweepLease.owner == worker)
    anew = or_(SweepLease.owner.is_distinct_from(worker), SweepLease.until < now - canary.LIFE)
    taken = session.execute(
        update(SweepLease)
        .where(SweepLease.id == 1, free)
        .values(
            owner=worker,
            until=now + timedelta(seconds=2 * seconds),
            canary_at=case((anew, None), else_=SweepLease.canary_at),
            unheard_since=case((anew, None), else_=SweepLease.unheard_since),
        )
        .returning(SweepLease.id)
    ).one_or_none()
    return taken is not None
