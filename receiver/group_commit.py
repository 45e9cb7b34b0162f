"""Group commit: the signals that come in during one commit are stored together by the next.

The loop's thread stores by itself. What arrives meanwhile waits in its sockets, and is the next batch: under load they
grow by themselves, and a signal that comes alone pays for no change of threads, which costs as much as its commit.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError

from receiver.transport.greenlets import in_greenlet, wait_for
from shared.database.dedicated_connections import DedicatedStatements
from shared.database.engine import Sessions
from shared.domain import EventId
from shared.inbox.store_batch import SignalDelivery, store_new

log = structlog.get_logger()

CONNECTIONS = 1
MOST_AT_ONCE = 64
LOCK_TIMEOUT_MS = 200  # a strategy whose row somebody holds for longer must not keep the others waiting
PATIENCE_SECONDS = 3.0  # for so long a server that does not answer may hold up a process
LEAST_PAUSE_SECONDS, MOST_PAUSE_SECONDS = 1.0, 30.0
PAUSE_FOR_FAILURE = 10  # times as long as the failure took: a tenth of the time at most is lost to them

_Told = asyncio.Future[EventId | None]


class GroupCommit:
    """Stores signals by group commit, and rings for those that are answered at once. Thread-safe.

    A signal that is not plainly new, or not plainly stored, is returned to its request, which stores it in a
    transaction of its own. `ring`: rings for several events by one command, and blocks the next commit for as long.
    """

    def __init__(
        self, sessions: Sessions, ring: Callable[..., object], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._statements = DedicatedStatements(sessions)
        self._ring = ring
        self._monotonic = monotonic
        self._storing = threading.Lock()  # one connection serves all; in the loop, nobody else asks for it
        self._handed_in: list[tuple[SignalDelivery, _Told]] = []
        self._pauses_until = float("-inf")

    def store(self, delivery: SignalDelivery) -> EventId | None:
        """The row of the signal, which is committed when this returns; None where its request must store it alone.

        Where `delivery.answered`, its doorbell has rung too.
        """
        if self._monotonic() < self._pauses_until:
            return None
        if in_greenlet():
            return wait_for(self._hand_in(delivery))
        return self._store_and_ring([delivery])[0]

    def close(self) -> None:
        """Gives back its connection."""
        self._statements.close()

    def _hand_in(self, delivery: SignalDelivery) -> _Told:
        loop = asyncio.get_running_loop()
        told: _Told = loop.create_future()
        self._handed_in.append((delivery, told))
        if len(self._handed_in) == 1:
            loop.call_soon(self._store_handed_in)
        return told

    def _store_handed_in(self) -> None:
        """Resolves every future of the batch: a request whose future is left open waits for ever, and the next too."""
        batch, self._handed_in = self._handed_in[:MOST_AT_ONCE], self._handed_in[MOST_AT_ONCE:]
        if self._handed_in:
            asyncio.get_running_loop().call_soon(self._store_handed_in)
        stored = self._store_and_ring([delivery for delivery, _ in batch])
        for (_, told), event in zip(batch, stored, strict=True):
            if not told.done():  # its request was told to end
                told.set_result(event)

    def _store_and_ring(self, batch: Sequence[SignalDelivery]) -> list[EventId | None]:
        with self._storing:
            stored = self._store(batch)
        self._ring_for(batch, stored)
        for delivery, event in zip(batch, stored, strict=True):
            if event is not None:
                log_stored(event, delivery.event.type, delivery.account_name)
        return stored

    def _store(self, batch: Sequence[SignalDelivery]) -> list[EventId | None]:
        began = self._monotonic()
        try:
            with self._statements.begin() as link:
                return store_new(link, batch)
        except SQLAlchemyError as error:
            cause = type(error).__name__
            log.warning("A shared commit failed; each is stored alone.", action="batch_failed", error=cause)
        except Exception:  # requests wait to be told
            log.exception("A shared commit failed; each is stored alone.", action="batch_failed")
        self._pause_after(self._monotonic() - began)
        return [None] * len(batch)

    def _pause_after(self, seconds: float) -> None:
        """A circuit breaker: while the database is slow, each request stores alone, in a thread of its own."""
        pause = min(MOST_PAUSE_SECONDS, max(LEAST_PAUSE_SECONDS, PAUSE_FOR_FAILURE * seconds))
        self._pauses_until = self._monotonic() + pause

    def _ring_for(self, batch: Sequence[SignalDelivery], stored: Sequence[EventId | None]) -> None:
        """One message to Redis for all: what a doorbell costs is the way there and back, not what it says."""
        fresh = [
            event for delivery, event in zip(batch, stored, strict=True) if event is not None and delivery.answered
        ]
        if not fresh:
            return
        try:
            self._ring(*fresh)
        except Exception:  # requests wait to be told, and the sweep rings later
            log.exception("The doorbells of a batch were not rung.", action="doorbell_failed", ids=fresh)


def log_stored(event: EventId, type_: str, account: str) -> None:
    """The line of an event that is new, whoever stored it."""
    log.info("Event stored.", action="stored", event_id=event, type=type_, account=account)
