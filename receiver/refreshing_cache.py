"""A refresh-ahead cache of what the database says: an entry that grows old is renewed while it still serves."""

import time
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, TypeVar

import structlog
from sqlalchemy.exc import SQLAlchemyError

from receiver.transport.greenlets import in_background, in_thread

log = structlog.get_logger()

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

RENEWED_AT = 0.7  # of its life: nearly every hundredth request would wait for the database else


class RefreshAheadCache(Generic[Key, Value]):
    """A cache whose entries are `seconds` old at most. Thread-safe.

    `ask`: reads from the database; None is not cached, or strangers would fill the memory. `alone`: a lock that a
    request holds while it reads, so that many requests for a missing entry read it once.
    """

    def __init__(
        self,
        ask: Callable[[Key], Value | None],
        seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
        alone: AbstractContextManager[object] | None = None,
    ) -> None:
        self._ask = ask
        self._seconds = seconds
        self._monotonic = monotonic
        self._alone = alone or nullcontext()
        self._known: dict[Key, tuple[Value, float]] = {}  # and when it was asked for
        self._renewing: set[Key] = set()
        self._times_forgotten = 0

    def __len__(self) -> int:
        return len(self._known)

    def of(self, key: Key) -> Value | None:
        """The entry; one that grows old is refreshed by a thread, for later requests. Raises what `ask` raises."""
        known = self._known.get(key)
        age = float("inf") if known is None else self._monotonic() - known[1]
        if known is None or age >= self._seconds:
            return in_thread(self._wait_for, key)
        if age >= RENEWED_AT * self._seconds:
            self._renew(key)
        return known[0]

    def forget(self) -> None:
        """Drops every entry; a read that is under way is not cached."""
        self._times_forgotten += 1
        self._known.clear()

    def _wait_for(self, key: Key) -> Value | None:
        with self._alone:
            known = self._known.get(key)  # another request may have read it while this one waited
            if known is not None and self._monotonic() - known[1] < self._seconds:
                return known[0]
            return self._ask_now(key)

    def _ask_now(self, key: Key) -> Value | None:
        times_forgotten, asked_at = self._times_forgotten, self._monotonic()
        answer = self._ask(key)
        if answer is None:
            self._known.pop(key, None)
        elif times_forgotten == self._times_forgotten:
            self._known[key] = (answer, asked_at)
        return answer

    def _renew(self, key: Key) -> None:
        if key in self._renewing:
            return
        self._renewing.add(key)
        if not in_background(self._renew_now, key):
            self._renewing.discard(key)

    def _renew_now(self, key: Key) -> None:
        """Where it fails, the next request that finds the entry expired reads it, and is answered with the failure."""
        try:
            self._ask_now(key)
        except SQLAlchemyError as error:
            log.warning("A cached entry could not be refreshed.", action="renew_failed", error=type(error).__name__)
        except Exception:
            log.exception("A cached entry could not be refreshed.", action="renew_failed")
        finally:
            self._renewing.discard(key)
