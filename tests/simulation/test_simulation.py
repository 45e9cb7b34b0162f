"""Worlds by seed, as part of the tests; `make simulate SEEDS=20000` plays as many as one likes."""

import pytest
from sqlalchemy import Engine, text

from tests.simulation import trial

WORLDS = 80


@pytest.mark.timeout(600)
def test_no_world_breaks_an_invariant(engine: Engine) -> None:
    for seed in range(WORLDS):
        played = trial.run(seed, engine)
        assert not played.violations, f"{played.story}\nreplay it: python -m tests.simulation --replay {seed}"


def test_a_seed_replays_step_by_step(engine: Engine) -> None:
    stories = [trial.run(seed, engine, always_tell=True).story for seed in (3, 69, 3, 69)]
    assert stories[:2] == stories[2:]
    assert len(stories[0].splitlines()) > 50


def test_what_the_database_stamps_by_itself_has_the_worlds_time(engine: Engine) -> None:
    """Else no event ever waits out its grace, and the judge believes that none had to."""
    trial.run(3, engine)
    with engine.connect() as connection:
        stamped = connection.execute(text("SELECT min(received_at), max(received_at) FROM events")).one()
    assert {at.year for at in stamped} == {2030}
