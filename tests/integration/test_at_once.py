"""A statement that commits by itself: what it wrote is there at once, and its connection is as it was afterwards."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from shared.db import Sessions, at_once, make_engine, make_sessions

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
    with at_once(make_sessions(engine)) as session:
        session.execute(text(STORE), {"version": "v7"})
        assert versions(sessions) == ["v7"]


def test_a_statement_that_fails_writes_nothing(engine: Engine, sessions: Sessions) -> None:
    twice = text(f"{STORE}, (:version, true)")
    with pytest.raises(DBAPIError), at_once(make_sessions(engine)) as session:
        session.execute(twice, {"version": "v7"})
    assert versions(sessions) == []


def test_the_next_transaction_of_the_connection_is_one(engine: Engine, sessions: Sessions) -> None:
    ours = make_sessions(engine)
    with at_once(ours) as session:
        session.execute(text(STORE), {"version": "v7"})
        assert session.execute(text("SHOW synchronous_commit")).scalar() == "on"
    with ours() as session:
        session.execute(text(STORE), {"version": "v8"})
        assert versions(sessions) == ["v7"]
    assert versions(sessions) == ["v7"]
