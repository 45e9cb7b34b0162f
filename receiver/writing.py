"""Lets concurrent requests share a commit: what comes in while one is under way is stored by the next, together.

Who comes while none is under way stores for itself, in its own thread: on an idle machine two changes of threads cost
as much as the commit.
"""

import queue
import threading
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.db import Sessions
from shared.domain import EventId
from shared.inbox_batch import Delivery, store_new
from shared.kept import KeptStatements

log = structlog.get_logger()

CONNECTIONS = 1  # of one thread: with two, the batches were half as large, and an event cost a third more
MOST_AT_ONCE = 64
PATIENCE_SECONDS = 5.0
LOCK_TIMEOUT_MS = 200  # a strategy whose row somebody holds for longer must not keep the others of its batch waiting


class _Waiting:
    """One signal, and the request that waits for its row."""

    __slots__ = ("_told", "delivery", "event")

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.event: EventId | None = None
        self._told = threading.Lock()  # held until it is told: the cheapest way from one thread to another
        self._told.acquire()

    def tell(self, event: EventId | None) -> None:
        self.event = event
        self._told.release()

    def is_told_within(self, seconds: float) -> bool:
        return self._told.acquire(timeout=seconds)


class Writer:
    """Stores signals for the threads that hand them in, and rings for those that are answered at once. Thread-safe.

    It is a shortcut, never the only way: whatever is not plainly new and plainly stored is handed back, and is stored
    by its own request, alone. `ring`: rings for some events together; the writer stands still for as long.
    """

    def __init__(self, sessions: Sessions, ring: Callable[..., object]) -> None:
        self._statements = KeptStatements(sessions)
        self._storing = threading.Lock()  # held by whoever stores: one connection serves all
        self._ring = ring
        self._handed_in: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._store_until_closed, name="writer", daemon=True)

    def start(self) -> None:
        """Begins to store, in a thread that ends with the process, or with `close`."""
        self._thread.start()

    def close(self) -> None:
        """Ends the thread, which has stored by then what was handed in before."""
        self._handed_in.put(None)
        self._thread.join(PATIENCE_SECONDS)

    def store(self, delivery: Delivery) -> EventId | None:
        """The row of the signal, which is committed when this returns; None where its request must store it alone.

        Where `delivery.answered`, its doorbell has rung too. Giving up after a while is safe: storing alone waits for
        the transaction that may hold the same key, and finds its row.
        """
        waiting = _Waiting(delivery)
        if self._handed_in.empty() and self._storing.acquire(blocking=False):
            try:
                self._store_and_tell([waiting])
            finally:
                self._storing.release()
            return waiting.event
        self._handed_in.put(waiting)
        if waiting.is_told_within(PATIENCE_SECONDS):
            return waiting.event
        log.warning("A shared commit takes long; the signal is stored alone.", action="batch_slow")
        return None

    def _store_until_closed(self) -> None:
        while (first := self._handed_in.get()) is not None:
            with self._storing:
                self._store_and_tell(self._gather(first))
        with self._storing:
            self._statements.close()

    def _store_and_tell(self, batch: Sequence[_Waiting]) -> None:
        stored = self._store([waiting.delivery for waiting in batch])
        self._ring_for(batch, stored)
        for waiting, event in zip(batch, stored, strict=True):
            waiting.tell(event)
        _note(batch, stored)

    def _gather(self, first: _Waiting) -> list[_Waiting]:
        """The first, and what has come with it."""
        batch = [first]
        while len(batch) < MOST_AT_ONCE:
            try:
                another = self._handed_in.get_nowait()
            except queue.Empty:
                break
            if another is None:
                self._handed_in.put(None)  # an end stays in the queue until nothing is before it
                break
            batch.append(another)
        return batch

    def _store(self, deliveries: Sequence[Delivery]) -> list[EventId | None]:
        try:
            with self._statements.begin() as link:
                return store_new(link, deliveries)
        except SQLAlchemyError as error:
            cause = type(error).__name__
            log.warning("A shared commit failed; each is stored alone.", action="batch_failed", error=cause)
        except Exception:  # the thread must go on: requests wait for it
            log.exception("A shared commit failed; each is stored alone.", action="batch_failed")
        return [None] * len(deliveries)

    def _ring_for(self, batch: Sequence[_Waiting], stored: Sequence[EventId | None]) -> None:
        """One message to Redis for all: what a doorbell costs is the way there and back, not what it says."""
        answered = [waiting.delivery.answered for waiting in batch]
        fresh = [event for event, at_once in zip(stored, answered, strict=True) if event is not None and at_once]
        if not fresh:
            return
        try:
            self._ring(*fresh)
        except Exception:  # the thread must go on: requests wait for it, and the sweep rings later
            log.exception("Nobody was rung for.", action="doorbell_failed", ids=fresh)


def _note(batch: Sequence[_Waiting], stored: Sequence[EventId | None]) -> None:
    """The line of each, from one thread: requests that log at once wait for each other and for the interpreter."""
    for waiting, event in zip(batch, stored, strict=True):
        if event is not None:
            log_stored(event, waiting.delivery.event.type, waiting.delivery.account_name)


def log_stored(event: EventId, type_: str, account: str) -> None:
    """The line of an event that is new, whoever stored it."""
    log.info("Event stored.", action="stored", event_id=event, type=type_, account=account)
