"""A simulator that misbehaves breaks no invariant."""

from collections.abc import Iterator

import pytest
import structlog

from shared.database.engine import Sessions
from tests.simulator import trial

EVENTS = 200  # `python -m tests.simulator` sends 1,000


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Two lines an event, which nobody reads."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


def test_duplicates_reordering_retries_and_lost_answers_break_no_invariant(
    sessions: Sessions, database_url: str
) -> None:
    outcome = trial.run(sessions, database_url, EVENTS, seed=1)
    assert outcome.violations == []
    counts = outcome.counts
    assert counts["events"] >= EVENTS
    assert counts["orders"] > EVENTS / 2
    for misbehaviour in ("duplicate", "held back", "retry 1", "answers lost"):
        assert counts[misbehaviour] > 5, counts
