"""A pooler with few servers before the test's database, and sessions through it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.database.engine import Sessions, make_engine, make_sessions
from tests.pooler import pgbouncer
from tests.pooler.pgbouncer import Pooler

SERVERS = 4
CONNECTIONS = 40  # of the bridge: ten for each server


@pytest.fixture
def pooler(database_url: str, services_folder: Path) -> Iterator[Pooler]:
    """PgBouncer in transaction mode. `database_url` comes first: its database is dropped when nobody is there."""
    if pgbouncer.PROGRAM is None:
        pytest.skip("There is no pgbouncer on the PATH, and PGBOUNCER does not name one.")
    folder = Path(tempfile.mkdtemp(prefix="pooler-", dir=services_folder))
    with pgbouncer.running(folder, database_url, SERVERS) as running:
        yield running


@pytest.fixture
def pooled_url(pooler: Pooler, database_url: str) -> str:
    """The test's database, through the pooler."""
    return pooler.url(database_url)


@pytest.fixture
def pooled(pooled_url: str) -> Iterator[Sessions]:
    """Sessions through the pooler."""
    engine = make_engine(pooled_url, pool_size=CONNECTIONS)
    yield make_sessions(engine)
    engine.dispose()
