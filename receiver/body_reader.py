"""Reads request bodies within limits: half a body keeps a request of this process open, so no account may keep many.

The server hands a request over when its header is there, and has no time limit for the rest.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from receiver.refused import Refused
from receiver.transport.request import Body, WebhookRequest
from shared.domain import AccountId, GenericError

STUCK_SECONDS = 0.5  # who takes longer is waiting for a client
STUCK_AT_ONCE = 12  # of an account's
LONGEST_SECONDS = 10.0


class BodyReader:
    """Reads bodies. Those that do not come are given up: soon where an account has many of them, later in any case."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._begun: dict[Body, tuple[AccountId, float]] = {}
        self._looking = False

    def read(self, call: WebhookRequest, account: AccountId) -> bytes:
        """The whole body. Raises Refused where it is not JSON, too large, or does not come."""
        if call.media_type != "application/json":
            raise Refused(GenericError.UNSUPPORTED_MEDIA_TYPE)
        if call.encoding:
            raise Refused(GenericError.UNSUPPORTED_MEDIA_TYPE, _not_plain(call.encoding))
        try:
            if call.coming is None:
                return call.read()
            with self._watched(call.coming, account):
                return call.read()
        except RequestEntityTooLarge as error:
            raise Refused(GenericError.TOO_LARGE) from error
        except TimeoutError as error:
            raise Refused(GenericError.UNAVAILABLE) from error
        except BadRequest as error:  # the client went away, or its chunks are garbled
            raise Refused(GenericError.MALFORMED, "The body of the request did not arrive whole.") from error

    @contextmanager
    def _watched(self, body: Body, account: AccountId) -> Iterator[None]:
        self._begun[body] = (account, self._monotonic())
        if not self._looking:
            self._look_later()
        try:
            yield
        finally:
            del self._begun[body]

    def _look_later(self) -> None:
        self._looking = True
        asyncio.get_running_loop().call_later(STUCK_SECONDS, self._look)

    def _look(self) -> None:
        """Gives up what has come to its end; of an account with too many that are stuck, the latest ones."""
        now, stuck = self._monotonic(), Counter[AccountId]()
        for body, (account, begun) in [*self._begun.items()]:
            if now - begun < STUCK_SECONDS:
                break  # they are in the order in which they began
            stuck[account] += 1
            if stuck[account] > STUCK_AT_ONCE or now - begun >= LONGEST_SECONDS:
                body.give_up()
        self._looking = False
        if self._begun:
            self._look_later()


def _not_plain(encoding: str) -> str:
    named = encoding if encoding.isascii() and encoding.isprintable() and len(encoding) <= 32 else "something else"
    return f"The body is encoded as {named}; it must be plain JSON."
