"""A statement that commits by itself: what it wrote is there at once, and its connection is as it was afterwards."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from shared.db import UNASKED_SECONDS, Line, Sessions, make_engine, make_sessions

STORE = "INSERT INTO protocol_versions (version, supported) VALUES (:version, true)"


@pytest.fixture
def engine(database_url: str, sessions: Sessions) -> Iterator[Engine]:
    """One connection, so that each test gets the same one again."""
    made = make_engine(database_url, pool_size=1)
    yield made
    made.dispose()


def versions(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return sorted(session.scalars(text("SELECT version FROM protocol_versions")))


def test_it_is_committed_with_the_statement_itself(engine: Engine, sessions: Sessions) -> None:
    with Line(make_sessions(engine)).at_once() as session:
        session.execute(text(STORE), {"version": "v7"})
        assert versions(sessions) == ["v7"]


def test_a_statement_that_fails_writes_nothing(engine: Engine, sessions: Sessions) -> None:
    twice = text(f"{STORE}, (:version, true)")
    with pytest.raises(DBAPIError), Line(make_sessions(engine)).at_once() as session:
        session.execute(twice, {"version": "v7"})
    assert versions(sessions) == []


def test_the_next_transaction_of_the_connection_is_one(engine: Engine, sessions: Sessions) -> None:
    ours = make_sessions(engine)
    line = Line(ours)
    with line.at_once() as session:
        session.execute(text(STORE), {"version": "v7"})
        assert session.execute(text("SHOW synchronous_commit")).scalar() == "on"
    line.close()
    with ours() as session:
        session.execute(text(STORE), {"version": "v8"})
        assert versions(sessions) == ["v7"]
    assert versions(sessions) == ["v7"]


@pytest.mark.parametrize("idle", [0.5, 60.0])
def test_a_connection_that_died_costs_one_statement_at_most(engine: Engine, sessions: Sessions, idle: float) -> None:
    """After a while without use it is asked first, so that not even that one is lost."""
    now = 0.0
    line = Line(make_sessions(engine), monotonic=lambda: now)
    with line.at_once() as session:
        pid = session.execute(text("SELECT pg_backend_pid()")).scalar()
    with sessions.begin() as session:
        session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    now = idle
    if idle < UNASKED_SECONDS:
        with pytest.raises(DBAPIError), line.at_once() as session:
            session.execute(text(STORE), {"version": "v7"})
    with line.at_once() as session:
        session.execute(text(STORE), {"version": "v8"})
    assert versions(sessions) == ["v8"]
    line.close()
