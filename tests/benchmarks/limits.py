"""What each figure must reach and what it aims at, and how a measured row is judged. Pure."""

import math
from dataclasses import dataclass
from enum import StrEnum

from tests.benchmarks.samples import Sample


class Verdict(StrEnum):
    """How a figure stands to its limits."""

    AIM = "aim reached"
    MUST = "must reached"
    MISSED = "MISSED"


@dataclass(frozen=True, slots=True)
class Limit:
    """`at_least`: the figure must be that large; otherwise it must not be larger. `unit` is empty for a ratio."""

    figure: str
    must: float
    aim: float
    at_least: bool
    unit: str = ""

    def judge(self, value: float) -> Verdict:
        """Raises ValueError for a value that is no number: what was not measured is not judged."""
        if math.isnan(value):
            raise ValueError("NaN cannot be judged.")
        sign = 1 if self.at_least else -1
        if sign * value >= sign * self.aim:
            return Verdict.AIM
        return Verdict.MUST if sign * value >= sign * self.must else Verdict.MISSED


LIMITS = {
    "B1": Limit("accepted events a second, against the baseline's", 1.2, 1.5, at_least=True),
    "B1-plain": Limit("the same, against the baseline on gunicorn's threads", 1.6, 2.0, at_least=True),
    "B2": Limit("p99 of the answer at 300 events/s, against the baseline's", 1.5, 1.0, at_least=False),
    "B3": Limit("idle: POST to broker call, p50, against the baseline's", 1.5, 1.0, at_least=False),
    "B4": Limit("drain of queued events, against the baseline's", 0.4, 0.7, at_least=True),
    "B5": Limit("drain with a broker of 50 ms and 64 in flight, of what slots or B4 allow", 0.8, 0.95, at_least=True),
    "B6": Limit("B1 and B4 with history in the tables, against empty ones (the worse)", 0.9, 0.97, at_least=True),
    "B7": Limit("burst, all at once: p99 of the answer", 3.0, 1.0, at_least=False, unit="s"),
    "B8": Limit("memory of receiver and worker, late against early", 1.05, 1.02, at_least=False),
    "B9": Limit("memory of all processes with 64 broker calls in flight", 1024, 512, at_least=False, unit="MiB"),
    "B10": Limit("wait on, broker of 20 ms: POST to final answer, p50, above 20 ms", 30, 15, at_least=False, unit="ms"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One measured figure. `ours`, `theirs`: by round, in `unit`; `value`: what is judged. `note`: how it was sized."""

    name: str
    value: float
    ours: Sample
    theirs: Sample | None
    unit: str
    note: str

    @property
    def limit(self) -> Limit:
        return LIMITS[self.name]

    @property
    def verdict(self) -> Verdict:
        return self.limit.judge(self.value)


def sized(wanted: int, rate: float, seconds: float, least: int) -> int:
    """How many events fit into `seconds` at `rate`: at most what is wanted, at least what says anything."""
    return max(min(wanted, least), int(min(wanted, rate * seconds)))
