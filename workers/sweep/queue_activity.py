"""When this process last took a task from the queue: tells a worker that consumes from one that is only alive."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class QueueActivity:
    """Notes the tasks that this process takes out of the queue. `slots`: how many it can have at once. Thread-safe."""

    def __init__(self, slots: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._slots = slots
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._at_work = 0
        self._last: float | None = None

    @contextmanager
    def task(self) -> Iterator[None]:
        """A task is being executed."""
        self._note(+1)
        try:
            yield
        finally:
            self._note(-1)

    def seconds_ago(self) -> float | None:
        """How long ago a task last began or ended; None before the first. A process that is full cannot take another,
        and that is not deafness: then 0.
        """
        with self._lock:
            if self._last is None:
                return None
            return 0.0 if self._at_work >= self._slots else self._monotonic() - self._last

    def _note(self, change: int) -> None:
        with self._lock:
            self._at_work += change
            self._last = self._monotonic()
