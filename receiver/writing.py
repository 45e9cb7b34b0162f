"""Lets concurrent requests share a commit: what comes in while one is under way is stored by the next, together."""

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future

import structlog
from sqlalchemy.exc import SQLAlchemyError

from shared.db import Sessions
from shared.domain import EventId
from shared.inbox_batch import Delivery, store_new

log = structlog.get_logger()

THREADS = 2  # while one waits for the disk, the other gathers
MOST_AT_ONCE = 64
PATIENCE_SECONDS = 5.0
LOCK_TIMEOUT_MS = 200  # a strategy whose row somebody holds for longer must not keep the others of its batch waiting

_Waiting = tuple[Delivery, "Future[EventId | None]"]


class Writer:
    """Stores signals for the threads that hand them in. Thread-safe.

    It is a shortcut, never the only way: whatever is not plainly new and plainly stored is handed back, and is stored
    by its own request, alone.
    """

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._handed_in: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()

    def start(self) -> None:
        """Begins to store, in threads that end with the process, or with `close`."""
        for number in range(THREADS):
            threading.Thread(target=self._store_until_closed, name=f"writer-{number}", daemon=True).start()

    def close(self) -> None:
        """Ends the threads when what was handed in before is stored."""
        for _ in range(THREADS):
            self._handed_in.put(None)

    def store(self, delivery: Delivery) -> EventId | None:
        """The row of the signal, which is committed when this returns; None where its request must store it alone.

        Giving up after a while is safe: storing alone waits for the transaction that may hold the same key, and finds
        its row.
        """
        stored: Future[EventId | None] = Future()
        self._handed_in.put((delivery, stored))
        try:
            return stored.result(PATIENCE_SECONDS)
        except TimeoutError:
            log.warning("A shared commit takes long; the signal is stored alone.", action="batch_slow")
            return None

    def _store_until_closed(self) -> None:
        while batch := self._gather():
            for (_, stored), event in zip(batch, self._store([delivery for delivery, _ in batch]), strict=True):
                stored.set_result(event)

    def _gather(self) -> list[_Waiting]:
        """Waits for the first, and takes what has come with it; nothing when it is time to end."""
        first = self._handed_in.get()
        batch = [first] if first is not None else []
        while 0 < len(batch) < MOST_AT_ONCE:
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
            with self._sessions.begin() as session:
                return store_new(session, deliveries)
        except SQLAlchemyError as error:
            cause = type(error).__name__
            log.warning("A shared commit failed; each is stored alone.", action="batch_failed", error=cause)
        except Exception:  # the thread must go on: requests wait for it
            log.exception("A shared commit failed; each is stored alone.", action="batch_failed")
        return [None] * len(deliveries)
