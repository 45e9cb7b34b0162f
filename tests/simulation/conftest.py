"""The database of the worlds that are played as part of the tests."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.simulation import database, trial


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The one connection of the worlds."""
    engine = database.connect(database_url)
    with trial.quiet():
        yield engine
    engine.dispose()
