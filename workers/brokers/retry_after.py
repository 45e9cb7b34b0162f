"""Collects how long a broker asks its callers to wait (429, Retry-After) during a call of this thread.

The rate limiter around the adapter keeps to it.

An adapter that goes on without an answer (a poll that it can do without) says nothing of it, and need not.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class RequestedPause:
    """What was asked for since. `seconds`: the longest time that was named; `unnamed`: one was asked for without."""

    seconds: float = 0.0
    unnamed: bool = False

    def asked(self, seconds: float | None) -> None:
        """The broker wants no call for so long; None where it does not say for how long."""
        if seconds is None:
            self.unnamed = True
        else:
            self.seconds = max(self.seconds, seconds)


_LISTENER: ContextVar[RequestedPause | None] = ContextVar("patience", default=None)


@contextmanager
def collecting_pauses() -> Iterator[RequestedPause]:
    """Hears what is asked for by the calls within."""
    patience = RequestedPause()
    token = _LISTENER.set(patience)
    try:
        yield patience
    finally:
        _LISTENER.reset(token)


def note_pause(seconds: float | None) -> None:
    """Notes that the broker answered this call with a pause in seconds; None where it names no time."""
    if (listener := _LISTENER.get()) is not None:
        listener.asked(seconds)
