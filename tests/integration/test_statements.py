"""A statement past SQLAlchemy's execution: the same rows, the same errors, the same view of the transaction."""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import JSON, Numeric, bindparam, insert, literal, null, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from shared.database.engine import Sessions, make_engine, make_sessions, table_of
from shared.database.prepared import Statement
from shared.database.tables.alerts import Alert
from shared.database.tables.events import ProtocolVersion
from shared.domain import AlertKind

VERSION = table_of(ProtocolVersion)
STORE = Statement(
    insert(VERSION)
    .values(version=bindparam("of_version"), supported=True)
    .returning(VERSION.c.version, VERSION.c.supported)
)
NAMES = Statement(select(VERSION.c.version).order_by(VERSION.c.version))


@pytest.fixture
def ours(database_url: str, sessions: Sessions) -> Iterator[Sessions]:
    """Of one connection, so that each transaction gets the same one again."""
    engine = make_engine(database_url, pool_size=1)
    yield make_sessions(engine)
    engine.dispose()


def names(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return [row.version for row in NAMES.rows(session, {})]


def test_what_it_writes_is_there_with_the_commit_and_gone_with_a_rollback(ours: Sessions) -> None:
    with ours.begin() as session:
        (row,) = STORE.rows(session, {"of_version": "v7"})
        assert (row.version, row.supported) == ("v7", True)
    with ours() as session:
        STORE.rows(session, {"of_version": "v8"})
    assert names(ours) == ["v7"]


def test_its_values_are_exact_and_in_the_drivers_own_types(ours: Sessions) -> None:
    at, units = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), Decimal("1234567890.123456789012")
    asked = Statement(
        select(
            bindparam("units", type_=Numeric).label("units"),
            bindparam("at", type_=table_of(Alert).c.at.type).label("at"),
            literal("it's 100 % 'ours' %(x)s $1 \\").label("word"),
            null().label("nothing"),
        )
    )
    with ours() as session:
        row = asked.row(session, {"units": units, "at": at})
    assert row is not None
    assert (row.units, row.at, row.word, row.nothing) == (units, at, "it's 100 % 'ours' %(x)s $1 \\", None)


def test_what_the_session_has_not_written_yet_is_written_first(ours: Sessions) -> None:
    with ours.begin() as session:
        session.add(ProtocolVersion(version="v7", supported=True))
        assert [row.version for row in NAMES.rows(session, {})] == ["v7"]


def test_no_row_is_none(ours: Sessions) -> None:
    with ours() as session:
        assert NAMES.row(session, {}) is None


def test_a_statement_without_rows_has_none(ours: Sessions) -> None:
    change = Statement(update(VERSION).values(supported=False))
    with ours.begin() as session:
        STORE.rows(session, {"of_version": "v7"})
        assert change.rows(session, {}) == []
        assert session.scalars(select(ProtocolVersion.supported)).one() is False


def test_a_text_names_its_columns(ours: Sessions) -> None:
    asked = Statement(text("SELECT CAST(:one AS text) AS a, 2 AS b").columns(VERSION.c.version.label("a")))
    with ours() as session, pytest.raises(TypeError):
        asked.rows(session, {"one": "x"})  # a column too few is noticed, not dropped


def test_an_error_is_sqlalchemys_and_tells_no_values(ours: Sessions) -> None:
    with ours.begin() as session:
        STORE.rows(session, {"of_version": "secret-word"})
    with ours() as session, pytest.raises(IntegrityError) as raised:
        STORE.rows(session, {"of_version": "secret-word"})
    assert "[parameters" not in str(raised.value)
    assert names(ours) == ["secret-word"]


def test_a_connection_that_died_is_not_used_again(ours: Sessions, sessions: Sessions) -> None:
    with ours() as session, sessions.begin() as other:
        (pid,) = session.execute(text("SELECT pg_backend_pid()")).one()
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        with pytest.raises(OperationalError) as raised:
            NAMES.rows(session, {})
        assert raised.value.connection_invalidated
    assert names(ours) == []


def test_once_one_has_died_those_that_were_given_back_before_are_asked_first(
    database_url: str, sessions: Sessions
) -> None:
    """A restart of the server costs one error, and not one for each connection of the pool."""
    engine = make_engine(database_url, pool_size=3)
    ours = make_sessions(engine)
    with ours() as one, ours() as two, ours() as three:
        pids = [each.execute(text("SELECT pg_backend_pid()")).scalar_one() for each in (one, two, three)]
    with sessions.begin() as other:
        other.execute(text("SELECT pg_terminate_backend(pid, 5000) FROM unnest(:pids) AS pid"), {"pids": pids})
    with pytest.raises(DBAPIError):
        names(ours)
    with ours() as one, ours() as two, ours() as three:
        assert [NAMES.rows(each, {}) for each in (one, two, three)] == [[], [], []]
    engine.dispose()


def test_a_parameter_without_a_value_is_no_null(ours: Sessions) -> None:
    with ours() as session, pytest.raises(KeyError, match="of_version"):
        STORE.rows(session, {"version": "v7"})


def test_what_the_driver_does_not_take_as_it_is_is_refused(ours: Sessions) -> None:
    asked = Statement(select(bindparam("given", type_=JSON).label("given")))
    with ours() as session, pytest.raises(TypeError, match="given"):
        asked.rows(session, {"given": {}})


def test_a_constant_stands_in_the_text_so_that_a_kept_plan_knows_it(ours: Sessions) -> None:
    of_kind = Statement(select(Alert.id).where(Alert.kind == AlertKind.CONFLICT, Alert.id > bindparam("after")))
    kept = text("SELECT statement FROM pg_prepared_statements WHERE statement LIKE '%alerts%'")
    with ours() as session:
        for _ in range(2):  # the second time it is prepared
            assert of_kind.rows(session, {"after": 0}) == []
        (prepared,) = session.scalars(kept).all()
    assert f"= '{AlertKind.CONFLICT}'" in prepared
    assert "$1" in prepared
