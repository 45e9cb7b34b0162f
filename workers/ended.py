"""The events that this process has lately ended, so that a doorbell that comes late for one costs nothing."""

import threading

from shared.domain import EventId

MOST = 16_384  # the doorbells of a burst come after one worker has gone through whole strategies


class RecentlyEnded:
    """What has ended stays so: nobody can make it due again. Thread-safe; forgets the oldest beyond `most`."""

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

    def knows(self, event: EventId) -> bool:
        """Whether the event is among them."""
        return event in self._events
