"""The one way to a database session: an engine made per process, short transactions, full durability."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, cast

from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from shared.database.connection import UNPREPARED_TIMES, PatientConnection
from shared.database.idle_connections import IdleCheck, death_of

Sessions = sessionmaker[Session]
_NOT_DURABLE = text("SET LOCAL synchronous_commit TO off")

STATEMENT_TIMEOUT_MS = 15_000  # a statement that takes longer is stuck behind a lock or a dead disk
LOCK_TIMEOUT_MS = 5_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 4_000  # who freezes in a transaction must not make others time out on its locks
CONNECT_TIMEOUT_SECONDS = 3
PATIENCE_SECONDS = 20.0  # a server that answers has said before that a statement took too long
# A server whose network is gone says nothing, and Linux waits a quarter of an hour for it: a receiver would stand
# still for as long. A server that is only slow is not meant: its system answers. Not for Unix sockets.
DEAD_NETWORK = {"keepalives_idle": 4, "keepalives_interval": 1, "keepalives_count": 3, "tcp_user_timeout": 5_000}


def make_engine(
    database_url: str,
    pool_size: int = 5,
    lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    plan_once: bool = False,
    by_keys: bool = False,
    patience: float | None = PATIENCE_SECONDS,
) -> Engine:
    """An engine for psycopg 3. Make it after a fork, never before: connections cannot be shared.

    `plan_once`: a statement that is prepared is planned for all values at once, and not for its first five as well: of
    an idle bridge's signals that took as long as all the rest. Only for statements whose plan no value can change: what
    they look for is told by keys, and what an index is limited to stands in their text (`prepared.Statement`).
    `by_keys`: that is all that is asked, row by row. A plan that is kept was made when a table was small, and would go
    on to read all of it.
    `patience`: seconds that a connection waits for an answer of the server's; None: for ever.
    `synchronous_commit` is set here so that a server with a careless default cannot lose an answered event.
    """
    engine = create_engine(
        make_url(database_url).set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_use_lifo=True,  # what was used last has its statements planned
        hide_parameters=True,  # a failing statement must not print what was in it
        connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, **DEAD_NETWORK},
    )
    settings = {
        "synchronous_commit": "on",
        "timezone": "UTC",
        "lock_timeout": lock_timeout_ms,
        "statement_timeout": STATEMENT_TIMEOUT_MS,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT_MS,
    }
    if plan_once:
        settings["plan_cache_mode"] = "force_generic_plan"
    if by_keys:
        settings |= dict.fromkeys(("enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"), "off")
    event.listen(engine, "do_connect", partial(_connect, patience))
    _keep_settings(engine, settings)
    _ask_idle_connections(engine)
    return engine


def _connect(
    patience: float | None, _dialect: object, _entry: object, arguments: Sequence[Any], settings: Mapping[str, Any]
) -> Any:
    connection = PatientConnection.connect(*arguments, **settings)
    connection.prepare_threshold = UNPREPARED_TIMES
    connection.patience = patience
    return connection


def not_durable(session: Session) -> None:
    """Lets this one transaction commit without waiting for the disk: for what may be forgotten when the server dies."""
    session.execute(_NOT_DURABLE)


def table_of(entity: type[DeclarativeBase]) -> Table:
    """The table under a mapped class, for statements that are built once and do without the mapper's bookkeeping."""
    return cast(Table, entity.__table__)


def _keep_settings(engine: Engine, settings: Mapping[str, object]) -> None:
    """Every transaction runs under the settings: set once for a server of our own, else anew in each transaction.

    Not as startup parameters: PgBouncer refuses them, or drops them where it is told to, and then nobody would know.
    """
    for_good = "; ".join(f"SET {name} = '{value}'" for name, value in settings.items())
    for_now = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in settings.items())

    @event.listens_for(engine, "connect")
    def look(connection: Any, entry: ConnectionPoolEntry) -> None:
        try:
            connection.autocommit = True
            entry.info["shared"] = _is_shared(connection)
            if entry.info["shared"]:
                connection.prepare_threshold = None  # a prepared one stays with a server that others have next
            else:
                connection.execute(for_good, prepare=False)  # it is several, and they cannot be prepared
            connection.autocommit = False
        except engine.dialect.loaded_dbapi.Error:
            connection.close()
            raise

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.info["shared"]:
            connection.exec_driver_sql(for_now)


def _is_shared(connection: Any) -> bool:
    """Whether a pooler lends us servers: the one that works for us is not the one that we were greeted by.

    In transaction mode it is another one in each transaction, and nothing of a session may be relied on. A pooler
    cannot tell the true process id in its greeting, since it has no server for us yet: PgBouncer makes one up.
    """
    (at_work,) = connection.execute("SELECT pg_backend_pid()").fetchone()
    return bool(at_work != connection.info.backend_pid)


def _ask_idle_connections(engine: Engine) -> None:
    """Asks a connection of the pool whether it lives before it is used, where `IdleCheck` says so."""
    check = IdleCheck()

    @event.listens_for(engine, "invalidate")
    def suspect(_connection: object, _entry: object, _error: object) -> None:
        check.suspect()

    @event.listens_for(engine, "checkin")
    def note(_connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info["idle_since"] = check.now()

    @event.listens_for(engine, "checkout")
    def ask(connection: Any, entry: ConnectionPoolEntry, _fairy: object) -> None:
        idle_since = entry.info.get("idle_since")
        if idle_since is None or not check.is_due(idle_since):
            return
        error = death_of(engine.dialect, connection)
        if error is not None:
            raise DisconnectionError("The connection is gone.") from error


def make_sessions(engine: Engine) -> Sessions:
    """Sessions of `engine`; use as `with sessions.begin() as session:`, one block one transaction."""
    return sessionmaker(engine, expire_on_commit=False)
