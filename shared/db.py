"""The one way to a database session: an engine made per process, short transactions, full durability."""

import time
from typing import Any, cast

from sqlalchemy import Engine, Table, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

Sessions = sessionmaker[Session]
_NOT_DURABLE = text("SET LOCAL synchronous_commit TO off")

STATEMENT_TIMEOUT_MS = 15_000  # a statement that takes longer is stuck behind a lock or a dead disk
LOCK_TIMEOUT_MS = 5_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 4_000  # who freezes in a transaction must not make others time out on its locks
CONNECT_TIMEOUT_SECONDS = 3
UNASKED_SECONDS = 1.0  # a connection that was in use a moment ago is taken to live


def make_engine(database_url: str, pool_size: int = 5, lock_timeout_ms: int = LOCK_TIMEOUT_MS) -> Engine:
    """An engine for psycopg 3. Make it after a fork, never before: connections cannot be shared.

    `synchronous_commit` is set here so that a server with a careless default cannot lose an answered event.
    """
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    options = (
        f"-c synchronous_commit=on -c timezone=UTC -c lock_timeout={lock_timeout_ms}"
        f" -c statement_timeout={STATEMENT_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS}"
    )
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        hide_parameters=True,  # a failing statement must not print what was in it
        connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "options": options},
    )
    _ask_idle_connections(engine)
    return engine


def not_durable(session: Session) -> None:
    """Lets this one transaction commit without waiting for the disk: for what may be forgotten when the server dies."""
    session.execute(_NOT_DURABLE)


def table_of(entity: type[DeclarativeBase]) -> Table:
    """The table under a mapped class, for statements that are built once and do without the mapper's bookkeeping."""
    return cast(Table, entity.__table__)


def _ask_idle_connections(engine: Engine) -> None:
    """Asks a connection whether it lives before it is used, but only one that has been idle for a while.

    SQLAlchemy's own pre-ping asks before every transaction: of a worker's time that was a twelfth. Who meets a dead
    connection all the same gets an error, the pool forgets all others of its age, and whoever writes tries again.
    """

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, entry: ConnectionPoolEntry, _fairy: object) -> None:
        if time.monotonic() - entry.info.get("idle_since", float("inf")) <= UNASKED_SECONDS:
            return
        try:
            engine.dialect.do_ping(connection)
        except engine.dialect.loaded_dbapi.Error as error:
            raise DisconnectionError("The connection is gone.") from error


def make_sessions(engine: Engine) -> Sessions:
    """Sessions of `engine`; use as `with sessions.begin() as session:`, one block one transaction."""
    return sessionmaker(engine, expire_on_commit=False)
