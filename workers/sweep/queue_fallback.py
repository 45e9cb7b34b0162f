"""Trading without the queue: while no doorbell can be heard, the sweeping worker executes what is due by itself."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import structlog

from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.domain import EventId
from shared.queue import canary

log = structlog.get_logger()

THREADS = 4  # enough to go on, and few enough that a worker which is only slow to hear is not doubled


class QueueFallback:
    """Rings for an event while workers consume the queue, else executes it in a thread of its own. Thread-safe.

    Executing an event twice changes nothing (the lease decides), so a doorbell answered after all does no harm.
    """

    def __init__(self, ring: Callable[[EventId], bool], execute: Callable[[EventId], None]) -> None:
        self._ring = ring
        self._execute = execute
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="fallback")
        self._lock = threading.Lock()
        self._in_hand: set[EventId] = set()
        self._closed = False
        self.deaf = False  # set by `QueueProbe`

    def attend(self, event: EventId) -> bool:
        """Sees to it that the event is executed. False where it is in hand already."""
        return (not self.deaf and self._ring(event)) or self._take(event)

    def close(self) -> None:
        """Begins nothing more, and returns when what was begun has ended."""
        with self._lock:
            self._closed = True
        self._pool.shutdown(cancel_futures=True)

    def _take(self, event: EventId) -> bool:
        with self._lock:
            if self._closed or event in self._in_hand:
                return False
            self._in_hand.add(event)
            self._pool.submit(self._work, event)
        return True

    def _work(self, event: EventId) -> None:
        try:
            log.info("Executing without the queue.", action="fallback", event_id=event)
            self._execute(event)
        except Exception:  # it is set aside already, or the sweep finds it again; the next one must go on
            log.exception("An event failed without the queue.", action="fallback_failed", event_id=event)
        finally:
            with self._lock:
                self._in_hand.discard(event)


class QueueProbe:
    """Sends canaries, and tells the fallback whether any worker takes them. Called by whoever sweeps, at every sweep.

    `answers`: whether the queue is there at all; `send`: puts a canary into it that lives for so many seconds.
    """

    def __init__(
        self,
        sessions: Sessions,
        answers: Callable[[], bool],
        send: Callable[[float], bool],
        fallback: QueueFallback,
        interval: float,
    ) -> None:
        self._sessions = sessions
        self._answers = answers
        self._send = send
        self._fallback = fallback
        self._interval = interval

    def listen(self) -> None:
        """One look, and one canary where it is time. The note is committed before the canary can be heard."""
        reachable = self._answers()
        with self._sessions.begin() as session:
            now = database_clock(session)  # of one clock with what the workers say
            since = canary.deaf(session, now, self._interval)
            due = reachable and canary.send_due(session, now)
            if not reachable:
                canary.cancel(session)
        if due and not self._send(canary.LIFE.total_seconds()):
            log.warning("A canary could not be sent.", action="canary_unsent")
        deaf = reachable and since is not None
        if deaf != self._fallback.deaf:
            log.warning(
                "Workers do not hear the queue." if deaf else "The queue is heard.", action="hearing", deaf=deaf
            )
        self._fallback.deaf = deaf
