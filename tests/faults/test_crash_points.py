"""A process that dies at any point loses, doubles and disorders nothing; here a part of what `make crash-points` plays.

Each story is told to one kind of broker, and dies at every sixtieth of its points.
"""

import itertools
import sys
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from shared.database.engine import Sessions
from tests.faults.crash_points import Combination, attempt, discover, run
from tests.faults.scenarios import BROKERS, scenarios
from tests.faults.stage import Death, Place

EVERY = 60
PARTS = 5


@pytest.mark.timeout(900)  # a busy machine makes many processes slow, and that is no fault
@pytest.mark.parametrize("part", [0, 3])  # of PARTS: the rest is for `make crash-points`
def test_a_death_at_any_point_breaks_no_invariant(sessions: Sessions, database_url: str, part: int) -> None:
    place = Place(sessions, database_url, Fernet.generate_key().decode())
    tellings = list(zip(scenarios(), itertools.cycle(BROKERS), strict=False))[part::PARTS]
    combinations, violations = discover(place, tellings)
    found = run(place, combinations[7 * part :: EVERY])
    sys.stdout.write(f"{len(combinations)} points found, {found.tried} tried\n")
    assert violations + found.violations == []
    assert len(found.unreached) <= 1  # on a busy machine a story can take a course with one sweep or look-up less
    assert found.tried >= 2


def test_a_story_is_told_with_timestamps_of_its_telling(sessions: Sessions, database_url: str) -> None:
    """After five minutes every OPEN had expired: no point behind a send was reached, and nothing could go wrong."""
    place = Place(sessions, database_url, Fernet.generate_key().decode())
    an_hour_ago = round((datetime.now(UTC) - timedelta(hours=1)).timestamp() * 1000)
    (old,) = (each for each in scenarios(an_hour_ago) if each.name == "open and close")
    last_send = Death("worker", ("after submit", 2))
    assert attempt(place, Combination(old, "forgets ids", last_send)) == (True, [])
