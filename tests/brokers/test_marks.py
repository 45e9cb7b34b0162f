"""`broker check` tells an adapter that has a mark and does not declare it, since nobody would ask for it."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from shared.domain import ClientOrderId
from tests.support.worker_harness import CAPABILITIES, ScriptedBroker
from workers.brokers.conformance.cases import CaseOutcome, run
from workers.brokers.conformance.reads import READS, ReadContext


@dataclass
class Marked(ScriptedBroker):
    """Has this mark."""

    said: str | None = None

    def mark(self) -> str | None:
        return self.said


@pytest.mark.parametrize(
    ("declared", "said", "outcome"),
    [
        (False, None, CaseOutcome.PASSED),
        (False, "7", CaseOutcome.FAILED),
        (True, "7", CaseOutcome.PASSED),
        (True, "", CaseOutcome.FAILED),
        (True, None, CaseOutcome.SKIPPED),
    ],
)
def test_a_mark_has_to_be_declared(declared: bool, said: str | None, outcome: CaseOutcome) -> None:
    broker = Marked(said=said, capabilities=replace(CAPABILITIES, marks=declared))
    reading = ReadContext(broker, lambda: datetime.now(UTC), lambda: ClientOrderId("pq-1"))
    results = {each.number: each for each in run(READS, reading)}
    assert results["CK-09"].outcome is outcome
