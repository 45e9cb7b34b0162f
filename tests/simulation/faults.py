"""Which faults happen where: drawn from the seed, counted by kind, and over at some point so that all comes to rest."""

import random
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum


class Fault(StrEnum):
    """Every kind of fault that the simulation stages."""

    WORKER_DEATH = "worker death"
    RECEIVER_DEATH = "receiver death"
    SWEEP_DEATH = "sweep death"
    PAUSE = "pause of a worker"
    COMMIT_FAILS = "commit fails"
    COMMIT_UNHEARD = "commit applied, then raised"
    BELL_LOST = "doorbell lost"
    BELL_DOUBLE = "doorbell rung twice"
    ALARM_LOST = "alarm lost"
    ANNOUNCEMENT_LOST = "announcement lost"
    UNAVAILABLE = "broker unavailable"
    ACCEPTED_TIMEOUT = "accepted, then timeout"
    LOST_TIMEOUT = "lost, then timeout"
    REJECTED = "rejected by the broker"
    REJECTED_TIMEOUT = "rejected, then timeout"
    GONE = "position gone at the broker"
    PARTIAL = "partial fill"
    WORKING_FILLED = "working, then filled"
    WORKING_PARTIAL = "working, then partly filled"
    WORKING_CANCELLED = "working, then cancelled"
    LOOKUP_UNAVAILABLE = "look-up unavailable"
    MARKET_CLOSED = "market closed"
    MARK_UNAVAILABLE = "mark unavailable"


class Faults:
    """The bad luck of one world: `likelihood` of each opportunity, until `budget` faults have happened."""

    def __init__(self, rng: random.Random, likelihood: float, budget: int) -> None:
        self.counts: Counter[Fault] = Counter()
        self._rng = rng
        self._likelihood = likelihood
        self._left = budget

    def draw(self, kinds: Sequence[Fault], weight: float = 1.0) -> Fault | None:
        """One of these faults, or none."""
        if self._left <= 0 or self._rng.random() >= self._likelihood * weight:
            return None
        self._left -= 1
        fault = self._rng.choice(kinds)
        self.counts[fault] += 1
        return fault
