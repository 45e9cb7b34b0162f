"""A circuit breaker: no call while Binance has banned this address, no read while the weight is nearly used up.

Limits are counted by address and not by account (general info, "IP Limits"): all accounts of a process share one.
"""

import threading
import time
from collections.abc import Callable, Mapping

from workers.brokers import retry_after
from workers.brokers.base import BrokerUnavailable, Withheld

WEIGHT_LIMIT = 2400  # of a minute, as exchangeInfo has it under rateLimits; learned anew from there
RESERVE = 0.8  # beyond this part of it, only orders and look-ups go through
BAN_SECONDS = 120.0  # the shortest ban, where the answer names no time
_gates: dict[str, "BanGuard"] = {}
_lock = threading.Lock()


class BanGuard:
    """The circuit breaker of one address. Thread-safe."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, now: Callable[[], float] = time.time) -> None:
        self._monotonic = monotonic
        self._now = now
        self._banned_until = 0.0
        self._used: tuple[int, int] = (0, 0)  # which minute, and the weight used in it
        self._limit = WEIGHT_LIMIT

    def admit(self, urgent: bool) -> None:
        """Lets a call pass. Raises BrokerUnavailable, with the time to wait, where it must not be made now."""
        rest = self._banned_until - self._monotonic()
        if rest > 0:
            raise BrokerUnavailable("Binance has banned this address for a while; nothing is sent.", rest)
        minute, used = self._used
        now = self._now()
        if not urgent and minute == int(now // 60) and used >= self._limit * RESERVE:
            raise Withheld("The request weight of this minute is kept for orders.", 60 - now % 60)

    def heard(self, headers: Mapping[str, str]) -> None:
        """Notes the weight that an answer says was used."""
        used = headers.get("x-mbx-used-weight-1m", "")
        if used.isdecimal():
            self._used = (int(self._now() // 60), int(used))

    def ban(self, seconds: float | None) -> BrokerUnavailable:
        """Closes the gate for this time; returns the error that says so."""
        rest = BAN_SECONDS if seconds is None else seconds
        retry_after.note_pause(rest)
        self._banned_until = max(self._banned_until, self._monotonic() + rest)
        return BrokerUnavailable("Binance has banned this address for too many requests.", rest)

    def learn_limit(self, weight_a_minute: int) -> None:
        """Notes the limit that the exchange names."""
        self._limit = weight_a_minute


def guard_of(base_url: str) -> BanGuard:
    """The gate of this process toward an address of Binance."""
    with _lock:
        return _gates.setdefault(base_url, BanGuard())
