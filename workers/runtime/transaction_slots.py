"""An adaptive concurrency limit: as many threads in a transaction at once as keep the interpreter busy, and no more."""

import statistics
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

LEAST = 3  # one computes, one waits for the server, and one stands ready
MOST = 8
COVERED = 1.5  # as much waiting for a commit as three lanes have room for, in times of what a transaction computes
REMEMBERED = 64  # transactions
LOOKED_AT_EVERY = 16

Committing = Callable[[], object]
"""Says that only the commit follows in this slot."""


class TransactionSlots:
    """A concurrency limit for transactions: a thread that finds no slot waits without the interpreter. Thread-safe.

    Python runs one thread at a time, and each connection has a server process with caches of its own: with eight
    slots and a server on the same machine PostgreSQL took 0.86 milliseconds for an event that takes 0.68 with three,
    and Python 1.25 instead of 0.95. Where a commit waited three milliseconds for its disk, eight did twice as much as
    three. So the limit follows the measured ratio: one slot more for each `COVERED` times of what a transaction
    computes that its commit waits, in the quickest quarter, since the others also wait for the interpreter.
    `monotonic`, `computed`: in seconds, the latter of a thread.
    """

    def __init__(
        self,
        least: int = LEAST,
        most: int = MOST,
        monotonic: Callable[[], float] = time.monotonic,
        computed: Callable[[], float] = time.thread_time,
    ) -> None:
        self.open = least
        self._least, self._most = least, most
        self._monotonic, self._computed = monotonic, computed
        self._changed = threading.Condition(threading.Lock())
        self._taken = 0
        self._seen = 0
        self._last: deque[tuple[float, float]] = deque(maxlen=REMEMBERED)  # what was computed, and waited, in seconds

    @contextmanager
    def slot(self) -> Iterator[Committing]:
        """One block in a slot, as soon as one is free. A block that raises is not measured."""
        self._take()
        computed: list[float] = []
        try:
            began = self._computed()
            yield lambda: computed.extend((self._computed() - began, self._monotonic()))
            if computed:
                self._remember(computed[0], self._monotonic() - computed[1])
        finally:
            self._give_back()

    def _take(self) -> None:
        with self._changed:
            while self._taken >= self.open:
                self._changed.wait()
            self._taken += 1

    def _give_back(self) -> None:
        with self._changed:
            self._taken -= 1
            self._changed.notify(max(0, self.open - self._taken))

    def _remember(self, computed: float, waited: float) -> None:
        with self._changed:
            self._last.append((computed, waited))
            self._seen += 1
            if self._seen % LOOKED_AT_EVERY == 0:
                self.open = slots_for(self._last, self._least, self._most)


def slots_for(transactions: "deque[tuple[float, float]]", least: int, most: int) -> int:
    """How many there should be, after transactions that computed and waited so long (seconds). Pure."""
    computed = statistics.median(computes for computes, _ in transactions)
    waited = statistics.quantiles((waits for _, waits in transactions), n=4)[0]
    return min(most, least + int(waited / (COVERED * computed))) if computed > 0 else least


@contextmanager
def unlimited() -> Iterator[Committing]:
    """No limit."""
    yield lambda: None
