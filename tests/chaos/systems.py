"""What can be put through a trial: how it is started, when it has finished, and what became of the events."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.domain import SignalEvent
from tests.chaos.stage import Stage
from tests.support.judge.observed import Exchange
from tests.support.judge.verdict import Violation


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of the events in the end. `outcomes`: how many ended in which way, by the system's own word."""

    lost: Sequence[SignalEvent]
    outcomes: Mapping[str, int] = field(default_factory=dict)
    unfinished: int | None = None
    parked: int | None = None
    violations: Sequence[Violation] | None = None


class System(Protocol):
    """One of the two that are compared."""

    name: str
    with_postgres: bool

    def start(self, stage: Stage) -> str:
        """Starts its programs on the stage, among them `receiver` and the workers; returns the webhook's token."""
        ...

    def ids(self, event: SignalEvent) -> Mapping[str, str]:
        """The client order id of each leg that the event may have."""
        ...

    def has_settled(self, stage: Stage, answered: Sequence[SignalEvent]) -> bool:
        """Whether nothing more is going to happen."""
        ...

    def verdict(
        self, stage: Stage, token: str, history: Sequence[Exchange], answered: Sequence[SignalEvent]
    ) -> Verdict:
        """Judges the end. The programs have stopped; PostgreSQL, where there is one, runs."""
        ...
