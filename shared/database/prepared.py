"""Statements that run for every event: SQLAlchemy compiles each once, and the driver executes it without SQLAlchemy."""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import psycopg
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql.psycopg import PGCompiler_psycopg, PGDialect_psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import BindParameter, ClauseElement

_CURSOR = "cursor of statements"

Link = Session | Connection
"""What leads to the database: with a memory of the rows that it has seen, or without."""

Row = Any
"""A named tuple of what the statement selects or returns, in the driver's own types."""


@dataclass(frozen=True, slots=True)
class _Written:
    """`names`: of the parameters, by place. `row`: makes a row of its values; None where the statement has no rows."""

    text: str
    names: Sequence[str]
    row: Callable[[Sequence[object]], Row] | None


class Statement:
    """A statement that is compiled on first use, and can be executed any number of times. Thread-safe.

    A statement through SQLAlchemy costs three times what it costs through the driver: with a handful of them for each
    event, that was half of a worker's time. Errors are SQLAlchemy's all the same. Only for statements whose values the
    driver takes as they are: the first use raises TypeError for others.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement

    def rows(self, link: Link, parameters: Mapping[str, object]) -> list[Row]:
        """Executes it in the link's transaction, after a session has flushed its changes.

        Raises sqlalchemy.exc.DBAPIError; KeyError where a parameter has no value.
        """
        written = self._written
        values = [parameters[name] for name in written.names]
        connection = _connection(link)
        try:
            cursor = _cursor(connection)
            cursor.execute(written.text, values)
            return [] if written.row is None else [*map(written.row, cursor.fetchall())]
        except psycopg.Error as error:
            raise _as_sqlalchemy(connection, written.text, error) from error

    def row(self, link: Link, parameters: Mapping[str, object]) -> Row | None:
        """The only row, or None where there is none. Raises as `rows` does."""
        found = self.rows(link, parameters)
        return found[0] if found else None

    @property
    def text(self) -> str:
        """As the driver has it: with `$1` for the first parameter, and so on."""
        return self._written.text

    @property
    def places(self) -> int:
        """How many parameters it has."""
        return len(self._written.names)

    @cached_property
    def _written(self) -> _Written:
        compiled = self._statement.compile(dialect=_DIALECT)
        if not isinstance(compiled, SQLCompiler):
            raise TypeError(f"{self._statement!r} is no statement that asks or writes.")
        for bind in compiled.binds.values():
            if bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT) is not None:
                raise TypeError(f"{bind.key} is of {bind.type!r}, which the driver does not take as it is.")
        columns = getattr(self._statement, "exported_columns", None)
        return _Written(str(compiled), tuple(compiled.positiontup or ()), _maker(columns.keys()) if columns else None)


class _Writing(PGCompiler_psycopg):
    """Inlines constants into the text: fewer parameters, and a generic plan that can use a partial index."""

    def visit_bindparam(self, bindparam: BindParameter[Any], *given: Any, **settings: Any) -> Any:
        """A parameter of the caller's gets a place; a constant stands for itself."""
        if not bindparam.required:
            settings["literal_binds"] = True
        return super().visit_bindparam(bindparam, *given, **settings)  # type: ignore[no-untyped-call]


class _Dialect(PGDialect_psycopg):
    statement_compiler = _Writing
    supports_statement_cache = True


# PostgreSQL's own places, so that the driver has nothing to parse.
_DIALECT = _Dialect(paramstyle="numeric_dollar")  # type: ignore[no-untyped-call]


def _maker(names: Sequence[str]) -> Callable[[Sequence[object]], Row]:
    make: Callable[[Sequence[object]], Row] = cast(Any, namedtuple("Row", names))._make
    return make


def _connection(link: Link) -> Connection:
    if isinstance(link, Connection):
        return link
    link.flush()
    return link.connection()


def _cursor(connection: Connection) -> "psycopg.RawCursor[Any]":
    """One for each connection of the driver's, for as long as that lasts: a new one each time costs as much again."""
    cursor = connection.info.get(_CURSOR)
    if cursor is None:
        driver = cast("psycopg.Connection[Any]", connection.connection.driver_connection)
        cursor = connection.info[_CURSOR] = psycopg.RawCursor(driver)
    return cast("psycopg.RawCursor[Any]", cursor)


def _as_sqlalchemy(connection: Connection, text: str, error: psycopg.Error) -> Exception:
    """The same error in SQLAlchemy's words; a connection that is dead is not used again."""
    dead = connection.dialect.is_disconnect(cast(Any, error), connection.connection.dbapi_connection, None)
    if dead:
        connection.invalidate(error)
    return DBAPIError.instance(
        text,
        None,
        error,
        psycopg.Error,
        hide_parameters=True,
        connection_invalidated=dead,
        dialect=connection.dialect,
    )
