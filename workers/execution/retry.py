"""When to try again: pure, capped, jittered."""

from datetime import datetime, timedelta

FIRST_SECONDS = 1.0  # a broker that hiccups is usually back within a second
CAP_SECONDS = 60.0  # longer waits help no broker, and a CLOSE must not sleep through a recovery
LONGEST_NAMED_SECONDS = 600.0  # whatever the broker says; then one call finds out anew, as for the account's hold
LARGEST_POWER = 10  # 2**10 seconds are far past the cap; larger powers only overflow


def next_attempt(now: datetime, attempt: int, retry_after: float | None, jitter: float) -> datetime:
    """When the `attempt`-th retry (from 1) is due: 1, 2, 4, ... 60 s, spread by `jitter` in [0, 1) over half to whole.

    Never before `retry_after` seconds, where the broker named a time; of a longer one, the first ten minutes.
    """
    backoff = min(CAP_SECONDS, FIRST_SECONDS * 2 ** min(max(attempt, 1) - 1, LARGEST_POWER))
    spread = backoff * (0.5 + jitter / 2)
    return now + timedelta(seconds=max(spread, min(retry_after or 0.0, LONGEST_NAMED_SECONDS)))
