"""Runs the generator beside us, and says what came of it."""

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

from tests.benchmarks.generator import Record
from tests.benchmarks.traffic import Traffic
from tests.chaos.program import ROOT


@dataclass(frozen=True, slots=True)
class Target:
    """Where events are posted, and as whom."""

    port: int
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answers:
    """What was measured of one run of the load; times in seconds."""

    record: Record

    @property
    def seconds(self) -> float:
        return max(self.record.ended) - min(self.record.due)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.record.ended) / self.seconds

    @property
    def latencies(self) -> list[float]:
        """From the moment at which each was due."""
        return [ended - due for due, ended in zip(self.record.due, self.record.ended, strict=True)]

    @property
    def lateness(self) -> list[float]:
        """How much later than due each was sent."""
        return [sent - due for due, sent in zip(self.record.due, self.record.sent, strict=True)]

    @property
    def client_cpu(self) -> float:
        """The generator's share of one core."""
        return self.record.cpu / self.seconds


class LoadFailed(AssertionError):
    """An event was not answered by 200: whatever was measured is worth nothing."""


def fire(target: Target, traffic: Traffic) -> Answers:
    """Sends the traffic to its end. Raises LoadFailed if anything was answered by other than 200."""
    plan = {"traffic": dataclasses.asdict(traffic), "port": target.port, "path": target.path}
    made = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.generator"],
        cwd=ROOT,
        input=json.dumps({**plan, "headers": dict(target.headers)}).encode(),
        stdout=subprocess.PIPE,
        check=True,
    )
    record = Record(**json.loads(made.stdout))
    odd = [status for status in record.status if status != 200]
    if odd:
        raise LoadFailed(f"{traffic.name}: {len(odd)} of {traffic.events} were answered by {sorted(set(odd))}")
    return Answers(record)


def plan(name: str, events: int, strategies: int, connections: int, rate: float | None = None) -> Traffic:
    """Traffic that begins now. `rate` None: a closed loop."""
    return Traffic(name, events, min(strategies, events), connections, int(time.time() * 1000), rate)
