"""Reading a request's body: whoever sends half of one keeps a thread waiting, so nobody may keep many.

The server hands a request over when its header is there, and has no time limit for the rest.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import Request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from receiver.refused import Refused
from shared.domain import AccountId, GenericError

PLACES_OF_AN_ACCOUNT = 12  # of the threads of a process; a body that is all there gives its place back at once
STUCK_SECONDS = 0.5  # who reads for longer is waiting for a client


class Reading:
    """Reads bodies, some of each account at a time. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._begun: defaultdict[AccountId, list[float]] = defaultdict(list)
        self._changed = threading.Condition()

    def read(self, request: Request, account: AccountId) -> bytes:
        """The whole body. Raises Refused where it is not JSON, too large or cut off, or where it finds no place."""
        if request.mimetype != "application/json":
            raise Refused(GenericError.UNSUPPORTED_MEDIA_TYPE)
        with self._place(account):
            try:
                return request.get_data(cache=False)
            except RequestEntityTooLarge as error:
                raise Refused(GenericError.TOO_LARGE) from error
            except BadRequest as error:  # the client went away, or its chunks are garbled
                raise Refused(GenericError.MALFORMED, "The body of the request did not arrive whole.") from error

    @contextmanager
    def _place(self, account: AccountId) -> Iterator[None]:
        with self._changed:
            self._await_place(self._begun[account])
            begun = self._monotonic()
            self._begun[account].append(begun)
        try:
            yield
        finally:
            with self._changed:
                self._begun[account].remove(begun)
                self._changed.notify()

    def _await_place(self, begun: list[float]) -> None:
        """Waits while there is hope: a busy account is not refused, one whose every place is stuck is at once."""
        while len(begun) >= PLACES_OF_AN_ACCOUNT:
            hope = max(begun) + STUCK_SECONDS - self._monotonic()
            if hope <= 0:
                raise Refused(GenericError.UNAVAILABLE)
            self._changed.wait(hope)
