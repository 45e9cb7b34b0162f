"""A moving-window rate limit an account, shared by all workers in Redis; without Redis a stricter one a process."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog
from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import MovingWindowRateLimiter
from redis import Redis
from redis.exceptions import RedisError

from workers.brokers.base import RateLimit, Withheld

log = structlog.get_logger()

MOST_WAIT_SECONDS = 1.0  # a thread waits no longer than that; then the event waits, in its row
LONGEST_SECONDS = 3.0  # of a `spend` in which a slow Redis is asked as well; what is admitted later is not sent
ENTRIES = 0.8  # of the budget; the rest is for exits, look-ups and reading alone
SHARE_ALONE = 4  # without Redis nobody knows of the others: a process then takes a quarter
SILENT_SECONDS = 5.0  # for which a Redis that failed is not asked again
LONGEST_HOLD_SECONDS = 600.0  # whatever the broker says; then one call finds out anew


@dataclass(frozen=True, slots=True)
class RequestCounter:
    """Counts the requests of accounts in a moving window. Thread-safe.

    `wall`: Unix seconds, by which windows are kept; `monotonic`: by which waiting is; `pause`: waits, in seconds.
    """

    redis: Redis
    wall: Callable[[], float] = time.time
    pause: Callable[[float], None] = time.sleep
    monotonic: Callable[[], float] = time.monotonic
    _state: "_State" = field(init=False)

    def __post_init__(self) -> None:
        shared = RedisStorage("redis://", connection_pool=self.redis.connection_pool)
        object.__setattr__(self, "_state", _State(MovingWindowRateLimiter(shared)))

    def spend(self, account: str, rate_limit: RateLimit, requests: int, entry: bool) -> None:
        """Takes `requests` from the account's budget; waits for them where they are to be had in a moment.

        Raises Withheld, with the seconds to wait, where they are not, and where it took longer than LONGEST_SECONDS to
        find out: a lease covers no more. `entry`: not from the part for exits.
        """
        began = self.monotonic()
        while wait := self._lacking(account, rate_limit, requests, entry):
            if self.monotonic() + wait > began + MOST_WAIT_SECONDS:
                raise Withheld(self._why(account, rate_limit), wait)
            self.pause(wait)
        if self.monotonic() > began + LONGEST_SECONDS:
            raise Withheld("Not sent: it took too long to ask Redis for the account's budget.")

    def hold(self, account: str, seconds: float) -> None:
        """The broker wants no call of the account for so long: no worker makes one. A longer hold goes on."""
        seconds = min(seconds, LONGEST_HOLD_SECONDS)
        self._state.held[account] = max(self._state.held.get(account, 0.0), self.wall() + seconds)
        try:
            if self._held_in_redis(account) < seconds:
                self.redis.set(_held(account), "1", px=max(1, int(seconds * 1000)))
        except RedisError as error:
            self._fall_silent(error)

    def close(self) -> None:
        """Frees the connections; the meter is not used after it."""
        self.redis.close()

    def _lacking(self, account: str, rate_limit: RateLimit, requests: int, entry: bool) -> float:
        """Seconds after which to ask again; 0 where the requests are taken.

        What this process was told holds also where Redis could not be told, or has forgotten it.
        """
        told = self._state.held.get(account, 0.0) - self.wall()
        if told > 0:
            return told
        if self.wall() >= self._state.silent_until:
            try:
                held = self._held_in_redis(account)
                self._state.held[account] = self.wall() + held
                return held or self._take(self._state.shared, account, rate_limit, 1, requests, entry)
            except RedisError as error:
                self._fall_silent(error)
        return self._take(self._state.own, account, rate_limit, SHARE_ALONE, requests, entry)

    def _why(self, account: str, rate_limit: RateLimit) -> str:
        if self._state.held.get(account, 0.0) > self.wall():
            return "Not sent: the broker has asked the account for fewer requests."
        return f"Not sent: the account's budget of {rate_limit.requests} requests in {rate_limit.seconds} s is used up."

    def _held_in_redis(self, account: str) -> float:
        """Seconds for which the broker wants no call, as any worker was told; 0 where it has asked for nothing."""
        return max(int(self.redis.pttl(_held(account))) / 1000, 0.0)

    def _take(
        self,
        limiter: MovingWindowRateLimiter,
        account: str,
        rate_limit: RateLimit,
        share: int,
        requests: int,
        entry: bool,
    ) -> float:
        allowed = max(rate_limit.requests // share, rate_limit.submit)
        whole = RateLimitItemPerSecond(allowed, rate_limit.seconds, "all")
        entries = RateLimitItemPerSecond(max(int(allowed * ENTRIES), rate_limit.submit), rate_limit.seconds, "entries")
        if not limiter.test(whole, account, cost=requests):
            return self._until_free(limiter, whole, account)
        if entry and not limiter.hit(entries, account, cost=requests):
            return self._until_free(limiter, entries, account)
        if not limiter.hit(whole, account, cost=requests):  # somebody was faster
            return self._until_free(limiter, whole, account)
        return 0.0

    def _until_free(self, limiter: MovingWindowRateLimiter, item: RateLimitItemPerSecond, account: str) -> float:
        return max(limiter.get_window_stats(item, account).reset_time - self.wall(), 0.01)

    def _fall_silent(self, error: RedisError) -> None:
        self._state.silent_until = self.wall() + SILENT_SECONDS
        log.warning("Budgets are counted in this process alone.", action="budget_alone", error=type(error).__name__)


@dataclass(slots=True)
class _State:
    """`held`: until when, by account, as this process knows; Redis tells what the others know."""

    shared: MovingWindowRateLimiter
    own: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))
    held: dict[str, float] = field(default_factory=dict)
    silent_until: float = 0.0


def _held(account: str) -> str:
    return f"proquant-bridge:held:{account}"
