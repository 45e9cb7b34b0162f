"""Authenticates a caller by the hash of its bearer token, and throttles those who guess."""

import threading
import time
from collections.abc import Callable

import structlog
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy.exc import SQLAlchemyError

from receiver.refreshing_cache import RefreshAheadCache
from receiver.refused import Refused
from receiver.transport.greenlets import in_thread
from receiver.transport.request import WebhookRequest
from shared.accounts import accounts
from shared.accounts.accounts import AccountState
from shared.database.engine import Sessions
from shared.domain import ErrorType, GenericError
from shared.keys import token_hash

log = structlog.get_logger()

FRESH_SECONDS = 1.0  # for so long a pause or a rotated token may go unnoticed by a process; the worker checks again
LONGEST_TOKEN = 512
WRONG_PER_ADDRESS = RateLimitItemPerMinute(20)
WRONG_IN_TOTAL = RateLimitItemPerMinute(200)
SLOW_SECONDS = 0.5
SLOWED_AT_ONCE = 4  # each holds a thread of this process; further ones are sent away at once


class Throttle:
    """Slows down wrong tokens, per client address and in total. Never asked before a token has proven wrong.

    In the memory of this process: it works without Redis, and costs a valid token nothing.
    """

    def __init__(self, pause: Callable[[float], None] = time.sleep) -> None:
        self._limiter = MovingWindowRateLimiter(MemoryStorage())
        self._places = threading.BoundedSemaphore(SLOWED_AT_ONCE)
        self._pause = pause

    def wrong(self, address: str) -> None:
        """Returns when the caller may be answered. Raises Refused where too many are being slowed down already."""
        within_address = self._limiter.hit(WRONG_PER_ADDRESS, "address", address)
        if self._limiter.hit(WRONG_IN_TOTAL, "total") and within_address:
            return
        if not self._places.acquire(blocking=False):
            raise Refused(GenericError.TOO_MANY_ATTEMPTS)
        try:
            self._pause(SLOW_SECONDS)
        finally:
            self._places.release()


class AccountCache:
    """The accounts that have called lately, by the hash of their token. Thread-safe.

    Tokens are found by their SHA-256 in a map and an index: what timing could tell is about the hash of a guess, and
    from that nobody comes to a token.
    """

    def __init__(self, sessions: Sessions, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._sessions = sessions
        self._known: RefreshAheadCache[str, AccountState] = RefreshAheadCache(self._look_up, FRESH_SECONDS, monotonic)

    def find(self, token: str) -> AccountState | None:
        """The account of this token, as of a second ago at most. Raises SQLAlchemyError without a database."""
        return self._known.of(token_hash(token))

    def _look_up(self, hash_: str) -> AccountState | None:
        with self._sessions() as session:
            return accounts.with_token_hash(session, hash_)

    def forget(self) -> None:
        """After a lifecycle event: what it changed must be seen by the next request."""
        self._known.forget()


def authenticate(call: WebhookRequest, directory: AccountCache, throttle: Throttle) -> AccountState:
    """The account that the call's token belongs to. Raises Refused, in the same words for every wrong token."""
    scheme, _, token = call.authorization.partition(" ")
    account = None
    if scheme.lower() == "bearer" and 0 < len(token.strip()) <= LONGEST_TOKEN:
        try:
            account = directory.find(token.strip())
        except SQLAlchemyError as error:
            log.error("No database to look a token up in.", action="database_down", error=type(error).__name__)
            raise Refused(GenericError.UNAVAILABLE) from error
    if account is None:
        log.warning("A wrong token was refused.", action="wrong_token", address=call.address)
        in_thread(throttle.wrong, call.address)
        raise Refused(ErrorType.INVALID_CREDENTIALS, "The token is not known.")
    return account
