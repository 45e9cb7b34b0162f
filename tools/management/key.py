"""The key of the management API: compared in constant time, and guesses are slowed down as those of tokens are."""

import hashlib
import hmac
from collections.abc import Set

import structlog
from flask import request

from receiver.authentication import Throttle
from receiver.refused import Refused
from shared.domain import ErrorType

log = structlog.get_logger()


class Lock:
    """Lets in who names the key. Thread-safe. Only its hash is kept, so that no dump of the process shows it here."""

    def __init__(self, key: str, throttle: Throttle) -> None:
        self._hash = _hash(key)
        self._throttle = throttle

    def check(self, open_to_all: Set[str]) -> None:
        """Returns where the request may go on. Raises Refused, in the same words whatever is wrong with the key."""
        if request.endpoint in open_to_all:
            return
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        right = hmac.compare_digest(_hash(key.strip()), self._hash)
        if scheme.lower() == "bearer" and right:
            return
        log.warning("A wrong management key was refused.", action="wrong_key", address=request.remote_addr)
        self._throttle.wrong(request.remote_addr or "unknown")
        raise Refused(ErrorType.INVALID_CREDENTIALS)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
