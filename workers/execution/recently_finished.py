"""The events that this process has lately ended, so that a doorbell that comes late for one costs nothing."""

import threading

from shared.domain import EventId

MOST = 16_384  # the doorbells of a burst come after one worker has gone through whole strategies


class RecentlyEnded:
    """One doorbell an event is answered without a look at its row. Thread-safe; forgets the oldest beyond `most`."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._events: dict[EventId, None] = {}
        self._lock = threading.Lock()

    def add(self, event: EventId) -> None:
        """The event has ended, and that is committed."""
        with self._lock:
            self._events[event] = None
            if len(self._events) > self._most:
                del self._events[next(iter(self._events))]

    def forget(self, event: EventId) -> bool:
        """Whether the event was among them; no longer now.

        An event has one doorbell of its own. Who rings a second time has found it due in the table, and the table is
        right: it may be an older one, restored or of a standby, in which the event has not ended.
        """
        with self._lock:
            return self._events.pop(event, _ABSENT) is None


_ABSENT = object()
