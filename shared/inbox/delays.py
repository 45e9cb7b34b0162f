"""From when on a worker counts as dead and an event as stuck: the same for /readyz, /metrics and `doctor`. Pure."""

from datetime import timedelta

OLDEST_UNFINISHED = timedelta(seconds=120)
MISSED_BEATS = 3
PATIENCE = timedelta(seconds=5)  # a sweep takes a moment itself


def dead_after(sweep_interval: float) -> timedelta:
    """So long after its last sign a worker counts as dead. Each gives one at every sweep."""
    return MISSED_BEATS * timedelta(seconds=sweep_interval) + PATIENCE
