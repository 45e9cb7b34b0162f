"""Lets requests wait, for a bounded time and in bounded numbers, for the outcome that a worker announces."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from redis import Redis
from redis.exceptions import RedisError

from shared.domain import EventId
from shared.queue.doorbell import OUTCOMES_CHANNEL

log = structlog.get_logger()

LOOK_SECONDS = 1.0  # how often a waiting request looks at the row itself: an announcement may be lost
RECONNECT_SECONDS = 0.5
REMEMBERED = 4096  # announcements kept for requests that begin to wait a moment after their outcome


class OutcomeWaiter:
    """The requests of this process that wait for an outcome. Thread-safe.

    One thread listens for all of them. `places`: how many may wait at once, so that there is always a thread of the
    server left to accept the next event.
    """

    def __init__(self, redis: Redis, places: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._places = threading.BoundedSemaphore(places)
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._waiters: dict[EventId, list[threading.Event]] = {}
        self._announced: OrderedDict[EventId, None] = OrderedDict()

    def start(self) -> None:
        """Begins to listen, in a thread that ends with the process."""
        threading.Thread(target=self._listen_for_ever, name="outcomes", daemon=True).start()

    @contextmanager
    def place(self, event: EventId) -> "Iterator[threading.Event | None]":
        """A place to wait for this event, to be taken before its doorbell rings; None when all places are taken."""
        if not self._places.acquire(blocking=False):
            yield None
            return
        announced = threading.Event()
        try:
            self._enter(event, announced)
            yield announced
        finally:
            self._leave(event, announced)
            self._places.release()

    def until(self, announced: threading.Event, seconds: float) -> Iterator[None]:
        """Yields whenever it is worth looking at the row: when it was announced, every second, and at the end."""
        deadline = self._monotonic() + seconds
        while (left := deadline - self._monotonic()) > 0:
            if announced.wait(min(left, LOOK_SECONDS)):
                yield None
                return
            yield None

    def announce(self, event: EventId) -> None:
        """An outcome is known: wakes those who wait for it."""
        with self._lock:
            self._announced[event] = None
            if len(self._announced) > REMEMBERED:
                self._announced.popitem(last=False)
            for waiter in self._waiters.get(event, ()):
                waiter.set()

    def _enter(self, event: EventId, announced: threading.Event) -> None:
        with self._lock:
            self._waiters.setdefault(event, []).append(announced)
            if event in self._announced:
                announced.set()

    def _leave(self, event: EventId, announced: threading.Event) -> None:
        with self._lock:
            waiters = self._waiters[event]
            waiters.remove(announced)
            if not waiters:
                del self._waiters[event]

    def _listen_for_ever(self) -> None:
        while True:
            try:
                self._listen()
            except RedisError as error:
                log.warning("No outcome can be received.", action="outcomes_unheard", error=type(error).__name__)
            time.sleep(RECONNECT_SECONDS)  # there is nothing to await: Redis is away

    def _listen(self) -> None:
        with self._redis.pubsub(ignore_subscribe_messages=True) as pubsub:  # type: ignore[no-untyped-call]
            pubsub.subscribe(OUTCOMES_CHANNEL)
            while True:
                message = pubsub.get_message(timeout=LOOK_SECONDS)
                if message is not None:
                    self.announce(EventId(int(message["data"])))
