"""Sessions that keep their connections: what they commit, what they forget, and what becomes of dead connections."""

import contextlib
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from shared.database.dedicated_connections import DedicatedSessions, DedicatedStatements
from shared.database.engine import Sessions, make_engine, make_sessions
from shared.database.idle_connections import UNASKED_SECONDS
from shared.database.tables.events import ProtocolVersion

BACKEND = text("SELECT pg_backend_pid()")
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
    with DedicatedStatements(make_sessions(engine)).begin() as session:
        session.execute(text(STORE), {"version": "v7"})
        assert versions(sessions) == ["v7"]


def test_a_statement_that_fails_writes_nothing(engine: Engine, sessions: Sessions) -> None:
    twice = text(f"{STORE}, (:version, true)")
    with pytest.raises(DBAPIError), DedicatedStatements(make_sessions(engine)).begin() as session:
        session.execute(twice, {"version": "v7"})
    assert versions(sessions) == []


def test_the_next_transaction_of_the_connection_is_one(engine: Engine, sessions: Sessions) -> None:
    ours = make_sessions(engine)
    kept = DedicatedStatements(ours)
    with kept.begin() as session:
        session.execute(text(STORE), {"version": "v7"})
        assert session.execute(text("SHOW synchronous_commit")).scalar() == "on"
    kept.close()
    with ours() as session:
        session.execute(text(STORE), {"version": "v8"})
        assert versions(sessions) == ["v7"]
    assert versions(sessions) == ["v7"]


@pytest.mark.parametrize("kind", [DedicatedSessions, DedicatedStatements])
@pytest.mark.parametrize("idle", [0.5, 60.0])
def test_a_connection_that_died_costs_one_transaction_at_most(
    engine: Engine, sessions: Sessions, idle: float, kind: type[DedicatedSessions] | type[DedicatedStatements]
) -> None:
    """After a while without use it is asked first, so that not even that one is lost."""
    now = 0.0
    kept = kind(make_sessions(engine), monotonic=lambda: now)
    end(sessions, [backend(kept)])
    now = idle
    if idle < UNASKED_SECONDS:
        with pytest.raises(DBAPIError), kept.begin() as session:
            session.execute(text(STORE), {"version": "v7"})
    with kept.begin() as session:
        session.execute(text(STORE), {"version": "v8"})
    assert versions(sessions) == ["v8"]
    kept.close()


def test_where_one_connection_died_the_others_are_asked_first(database_url: str, sessions: Sessions) -> None:
    """A server that starts again ends all of them at once: each thread would lose a transaction, and a signal wait."""
    engine = make_engine(database_url, pool_size=3)
    kept = DedicatedSessions(make_sessions(engine))
    with kept.begin() as first, kept.begin() as second, kept.begin() as third:
        backends = [session.execute(BACKEND).scalar_one() for session in (first, second, third)]
    end(sessions, backends)
    with pytest.raises(DBAPIError), kept.begin() as session:
        session.execute(text(STORE), {"version": "v7"})
    with kept.begin() as first, kept.begin() as second, kept.begin() as third:
        for number, session in enumerate((first, second, third)):
            session.execute(text(STORE), {"version": f"v{number}"})
    assert versions(sessions) == ["v0", "v1", "v2"]
    kept.close()
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]  # of the pool that counts
    engine.dispose()


def test_the_connection_that_was_used_last_is_used_next(database_url: str, sessions: Sessions) -> None:
    engine = make_engine(database_url, pool_size=2)
    kept = DedicatedSessions(make_sessions(engine))
    with kept.begin() as outer:
        inner = backend(kept)
        assert outer.execute(BACKEND).scalar_one() != inner
        last = outer.execute(BACKEND).scalar_one()
    assert [backend(kept), backend(kept)] == [last, last]
    kept.close()
    engine.dispose()


def test_what_was_read_once_is_read_again_by_the_next(engine: Engine, sessions: Sessions) -> None:
    kept = DedicatedSessions(make_sessions(engine))
    with kept.begin() as session:
        session.execute(text(STORE), {"version": "v7"})
        before = session.get_one(ProtocolVersion, "v7")
    with sessions.begin() as session:
        session.execute(text("UPDATE protocol_versions SET odd = true"))
    with kept.begin() as session:
        assert session.get_one(ProtocolVersion, "v7").odd
    assert not before.odd
    kept.close()


def test_what_raises_is_rolled_back(engine: Engine, sessions: Sessions) -> None:
    kept = DedicatedSessions(make_sessions(engine))
    with contextlib.suppress(LookupError), kept.begin() as session:
        session.execute(text(STORE), {"version": "v7"})
        raise LookupError
    assert versions(sessions) == []
    kept.close()


def backend(kept: DedicatedSessions | DedicatedStatements) -> int:
    with kept.begin() as session:
        pid: int = session.execute(BACKEND).scalar_one()
        return pid


def end(sessions: Sessions, backends: list[int]) -> None:
    with sessions.begin() as session:
        for pid in backends:
            assert session.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid}).scalar()
