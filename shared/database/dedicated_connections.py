"""Dedicated connections, kept between transactions: no checkout from a pool for each."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from shared.database.engine import Sessions
from shared.database.idle_connections import IdleCheck, death_of


class Transactions(Protocol):
    """What can begin a transaction: `Sessions`, or `DedicatedSessions`."""

    def begin(self) -> AbstractContextManager[Session]:
        """One block, one transaction: committed at its end, rolled back when it raises."""
        ...


class DedicatedSessions:
    """Sessions that keep their connections, and are used again: whoever was at work last is at work next. Thread-safe.

    Taking a connection from the pool, preparing it and giving it back cost as much as a statement.
    """

    def __init__(self, sessions: Sessions, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._idle = _Idle(sessions, lambda _: None, monotonic)

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction. After an error all connections that are older are asked whether they live."""
        with self._idle.lent() as kept:
            with kept.session.begin():
                yield kept.session
            kept.session.expunge_all()  # the next one sees the rows as they are then

    def close(self) -> None:
        """Gives back the connections that nobody is using."""
        self._idle.close()


class DedicatedStatements:
    """Connections that are kept for transactions of a single statement, which commits by itself. Thread-safe.

    Without the ways there and back for BEGIN and COMMIT, and without a session, which cost as much as the statement. It
    may have been applied though it raised, as a commit may. Behind a pooler it is a transaction like any other, since
    the settings have to be made in it.
    """

    def __init__(self, sessions: Sessions, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._idle = _Idle(sessions, _commit_alone, monotonic)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """One statement. After an error all connections that are older are asked whether they live."""
        with self._idle.lent() as kept:
            connection = kept.connection
            if connection.info["shared"]:
                with connection.begin():
                    yield connection
                return
            yield connection
            if connection.in_transaction():
                connection.commit()  # by SQLAlchemy's own way, which has begun one; the server knows of none

    def close(self) -> None:
        """Gives back the connections that nobody is using."""
        self._idle.close()


def _commit_alone(connection: Connection) -> None:
    """Each statement of this connection by itself, until it is given back."""
    if not connection.info["shared"]:
        connection.execution_options(isolation_level="AUTOCOMMIT")


@dataclass(slots=True)
class _Dedicated:
    """A connection, its session, and when it was last used (monotonic seconds)."""

    connection: Connection
    session: Session
    used: float = 0.0

    def close(self) -> None:
        self.session.close()
        self.connection.close()


class _Idle:
    """The connections that nobody is using. `prepare`: for a new one."""

    def __init__(
        self, sessions: Sessions, prepare: Callable[[Connection], object], monotonic: Callable[[], float]
    ) -> None:
        self._sessions = sessions
        self._prepare = prepare
        self._check = IdleCheck(monotonic)
        self._kept: list[_Dedicated] = []

    @contextmanager
    def lent(self) -> Iterator[_Dedicated]:
        kept = self._take()
        try:
            yield kept
        except BaseException:
            self._check.suspect()
            kept.close()
            raise
        kept.used = self._check.now()
        self._kept.append(kept)

    def close(self) -> None:
        while self._kept:
            self._kept.pop().close()

    def _take(self) -> _Dedicated:
        try:
            kept = self._kept.pop()
        except IndexError:
            return self._make()
        if not self._check.is_due(kept.used) or _lives(kept.connection):
            return kept
        kept.close()
        return self._make()

    def _make(self) -> _Dedicated:
        connection = cast(Engine, self._sessions.kw["bind"]).connect()
        self._prepare(connection)
        return _Dedicated(connection, self._sessions(bind=connection))


def _lives(connection: Connection) -> bool:
    """Whether the server still answers; if not, the connection is given up."""
    error = death_of(connection.dialect, connection.connection.dbapi_connection)
    if error is not None:
        connection.invalidate(error)
    return error is None
