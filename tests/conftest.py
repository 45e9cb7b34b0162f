"""A real PostgreSQL and a real Redis for the tests, embedded and their own: nothing of the user's is ever touched."""

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import structlog
from hypothesis import settings
from psycopg import sql
from redis import Redis
from sqlalchemy import make_url

from shared.database import migrate
from shared.database.engine import Sessions, make_engine, make_sessions
from tools.local import lock, placement, postgres, redis

TEMPLATE = "migrated"
settings.register_profile("bridge", deadline=None)  # how long an example takes says more about the machine
settings.load_profile("bridge")
_numbers = itertools.count(1)


@pytest.fixture(autouse=True)
def _environment_of_the_tests_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's settings must neither change a test nor be reached by one."""
    for name in list(os.environ):
        if name.startswith("BRIDGE_") or name.removesuffix("_FILE") in {"DATABASE_URL", "REDIS_URL", "PORT"}:
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _logs_on_standard_error() -> Iterator[None]:
    """As in every process of ours: a line of a bridge in the background once stood in a command's JSON."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def services_folder() -> Iterator[Path]:
    """Where the tests' servers live: a short path, since a socket's name has a limit."""
    folder = Path(tempfile.mkdtemp(prefix="pqb-test-"))
    with lock.held(folder):
        yield folder
    placement.discard(folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_server(services_folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL that lasts for the session.

    `fsync` is off: it guards against a loss of power, which no test stages, and a database per test costs many syncs.
    `synchronous_commit` stays as in production.
    """
    with postgres.running(services_folder, {"fsync": "off", "max_connections": "300"}) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres_server: str) -> str:
    """The URL of a database with the whole schema, to be copied; nobody may be connected to it."""
    _execute(postgres_server, "CREATE DATABASE {}", TEMPLATE)
    url = _database_url(postgres_server, TEMPLATE)
    migrate.upgrade(url)
    return url


@pytest.fixture
def database_url(postgres_server: str, migrated_template: str) -> Iterator[str]:
    """A fresh, migrated database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    _execute(postgres_server, "CREATE DATABASE {} TEMPLATE {}", name, TEMPLATE)
    yield _database_url(postgres_server, name)
    _execute(postgres_server, "DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def sessions(database_url: str) -> Iterator[Sessions]:
    """Sessions on the test's own database."""
    engine = make_engine(database_url)
    yield make_sessions(engine)
    engine.dispose()


@pytest.fixture(scope="session")
def redis_server(services_folder: Path) -> Iterator[str]:
    """The URL of a Redis that lasts for the session."""
    with redis.running(services_folder) as url:
        yield url


@pytest.fixture
def redis_url(redis_server: str) -> str:
    """The Redis, emptied."""
    with Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


def _execute(url: str, statement: str, *names: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def _database_url(server: str, name: str) -> str:
    return make_url(server).set(database=name).render_as_string(hide_password=False)
