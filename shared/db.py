"""The one way to a database session: an engine made per process, short transactions, full durability."""

from sqlalchemy import Engine, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session, sessionmaker

Sessions = sessionmaker[Session]

STATEMENT_TIMEOUT_MS = 15_000  # a statement that takes longer is stuck behind a lock or a dead disk
LOCK_TIMEOUT_MS = 5_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 4_000  # who freezes in a transaction must not make others time out on its locks
CONNECT_TIMEOUT_SECONDS = 3


def make_engine(database_url: str, pool_size: int = 5) -> Engine:
    """An engine for psycopg 3. Make it after a fork, never before: connections cannot be shared.

    `synchronous_commit` is set here so that a server with a careless default cannot lose an answered event.
    """
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    options = (
        f"-c synchronous_commit=on -c timezone=UTC -c lock_timeout={LOCK_TIMEOUT_MS}"
        f" -c statement_timeout={STATEMENT_TIMEOUT_MS}"
        f" -c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS}"
    )
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
        hide_parameters=True,  # a failing statement must not print what was in it
        connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "options": options},
    )


def make_sessions(engine: Engine) -> Sessions:
    """Sessions of `engine`; use as `with sessions.begin() as session:`, one block one transaction."""
    return sessionmaker(engine, expire_on_commit=False)
