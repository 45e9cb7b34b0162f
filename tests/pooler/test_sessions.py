"""What a session may rely on where another server works for it in each transaction."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
from sqlalchemy import make_url, text
from sqlalchemy.orm import Session

from shared.database import migrate
from shared.database.engine import Sessions, make_engine, make_sessions, not_durable
from tests.pooler.conftest import SERVERS
from tests.pooler.pgbouncer import Pooler

NAMES = ("synchronous_commit", "TimeZone", "lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
OURS = ["on", "UTC", "5s", "15s", "4s"]
CARELESS = ("synchronous_commit = off", "timezone = 'Asia/Tokyo'", "lock_timeout = 0", "statement_timeout = 0")


def test_each_transaction_has_our_settings_though_the_server_has_others(
    pooled: Sessions, pooled_url: str, database_url: str
) -> None:
    careless(database_url)
    hasty = make_engine(pooled_url, lock_timeout_ms=200)
    for _ in range(SERVERS * 2):
        with pooled() as first, make_sessions(hasty)() as second:
            assert settings(first) == OURS
            assert settings(second) == ["on", "UTC", "200ms", "15s", "4s"]
    hasty.dispose()


def test_no_setting_stays_with_a_server_that_others_have_next(
    pooled: Sessions, pooled_url: str, database_url: str
) -> None:
    careless(database_url)
    with ThreadPoolExecutor(SERVERS * 2) as threads:
        assert list(threads.map(lambda _: seen(pooled), range(SERVERS * 10))) == [OURS] * SERVERS * 10
    with psycopg.connect(pooled_url, prepare_threshold=None) as stranger:
        found = [stranger.execute(f"SHOW {name}").fetchone() for name in NAMES]
    assert found == [("off",), ("Asia/Tokyo",), ("0",), ("0",), ("0",)]


def test_a_commit_that_need_not_be_durable_is_the_only_one_that_is_not(pooled: Sessions) -> None:
    for _ in range(SERVERS * 2):
        with pooled.begin() as session:
            not_durable(session)
            assert settings(session)[0] == "off"
        with pooled.begin() as session:
            assert settings(session)[0] == "on"


def test_statements_that_are_used_often_meet_every_server(pooled_url: str) -> None:
    engine = make_engine(pooled_url, pool_size=SERVERS * 2)  # few enough that each says the same often
    sessions = make_sessions(engine)

    def often(_: int) -> set[int]:
        met = set()
        for number in range(25):
            with sessions.begin() as session:  # psycopg forgets what it has prepared when a transaction is rolled back
                row = session.execute(text("SELECT pg_backend_pid(), CAST(:n AS int)"), {"n": number}).one()
                assert row[1] == number
                met.add(row[0])
        return met

    with ThreadPoolExecutor(16) as threads:
        met = set().union(*threads.map(often, range(16)))
    engine.dispose()
    assert len(met) == SERVERS


def test_a_database_is_migrated_through_the_pooler_by_two_at_once(pooler: Pooler, database_url: str) -> None:
    fresh = f"{make_url(database_url).database}_fresh"
    execute(database_url, f"CREATE DATABASE {fresh}")
    url = make_url(pooler.url(database_url)).set(database=fresh).render_as_string(hide_password=False)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(migrate.upgrade, [url, url]))
    engine = make_engine(url)
    with engine.connect() as connection:
        assert migrate.is_current(connection)
    engine.dispose()
    execute(database_url, f"DROP DATABASE {fresh} WITH (FORCE)")


def test_a_server_of_our_own_is_told_once_and_prepares_what_is_used_often(
    sessions: Sessions, database_url: str
) -> None:
    careless(database_url)
    for number in range(10):
        with sessions.begin() as session:
            session.execute(text("SELECT CAST(:n AS int)"), {"n": number})
            assert settings(session) == OURS
    with sessions() as session:
        assert not session.connection().info["shared"]
        assert session.execute(text("SELECT count(*) FROM pg_prepared_statements")).scalar_one() > 0
        assert session.execute(text("SELECT count(*) FROM pg_settings WHERE source = 'session'")).scalar_one() >= len(
            OURS
        )


def seen(sessions: Sessions) -> list[str]:
    with sessions.begin() as session:
        return settings(session)


def settings(session: Session) -> list[str]:
    """What holds in the session's transaction."""
    return [str(session.execute(text(f"SHOW {name}")).scalar_one()) for name in NAMES]


def careless(database_url: str) -> None:
    """Gives the database defaults that nobody should have. Connections that begin later have them."""
    name = make_url(database_url).database
    for setting in CARELESS:
        execute(database_url, f"ALTER DATABASE {name} SET {setting}")


def execute(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
