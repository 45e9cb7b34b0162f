"""A fair lock: one thread at a time calls an exchange, first come, first served."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from workers.brokers.base import BrokerUnavailable


class FairLock:
    """A fair, reentrant lock. Python's own is not fair: a thread that takes it often starves one that waits.

    Thread-safe.
    """

    def __init__(self, seconds: float) -> None:
        """`seconds`: how long a thread waits for the lock."""
        self._seconds = seconds
        self._lock = threading.Lock()
        self._line: deque[threading.Event] = deque()  # the first one holds the lock
        self._owner: int | None = None

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Raises BrokerUnavailable where the lock is not free in time: nothing was sent."""
        if self._owner == threading.get_ident():
            yield
            return
        self._wait()
        self._owner = threading.get_ident()
        try:
            yield
        finally:
            self._pass_on()

    def _wait(self) -> None:
        mine = threading.Event()
        with self._lock:
            self._line.append(mine)
            if self._line[0] is mine:
                return
        if mine.wait(self._seconds):
            return
        with self._lock:
            if not mine.is_set():  # it may have come just now
                self._line.remove(mine)
                raise BrokerUnavailable("Other calls to this account take too long; nothing was sent.")

    def _pass_on(self) -> None:
        with self._lock:
            self._owner = None
            self._line.popleft()
            if self._line:
                self._line[0].set()
