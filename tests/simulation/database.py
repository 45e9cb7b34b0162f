"""The real PostgreSQL as a world sees it: boundaries before and after each transaction, and commits that can fail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from sqlalchemy import Engine, StaticPool, create_engine, make_url, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.db import Sessions, make_sessions
from tests.simulation.faults import Fault

NUMBERED = ("accounts", "strategies", "events", "orders", "positions")
WIPE = "; ".join(
    [
        "UPDATE orders SET position_id = NULL",
        "DELETE FROM alerts; DELETE FROM fills; DELETE FROM positions; DELETE FROM orders",
        "DELETE FROM events; DELETE FROM strategies; DELETE FROM instruments; DELETE FROM tokens; DELETE FROM accounts",
        "DELETE FROM workers; DELETE FROM sweep_lease; DELETE FROM protocol_versions",
        *(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), 1, false)" for table in NUMBERED),
    ]
)
VIRTUAL_NOW = """
CREATE SCHEMA IF NOT EXISTS simulation;
CREATE OR REPLACE FUNCTION simulation.now() RETURNS timestamptz LANGUAGE sql STABLE
  AS $$ SELECT current_setting('simulation.now')::timestamptz $$;
CREATE OR REPLACE FUNCTION simulation.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
  AS $$ SELECT current_setting('simulation.now')::timestamptz $$
"""
COMMIT_FAULTS = (Fault.COMMIT_FAILS, Fault.COMMIT_UNHEARD)


class Hooks(Protocol):
    """What a world does at the edges of a transaction."""

    def boundary(self, label: str, seconds: float = 0.0) -> None: ...
    def commit_fault(self) -> Fault | None: ...
    def time(self) -> str: ...


def connect(database_url: str) -> Engine:
    """One connection for the whole simulation: only one actor runs at a time, and none pauses in a transaction.

    `now()` is shadowed by a virtual one, so that what the product lets the database stamp has the world's time.
    """
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    options = (
        "-c synchronous_commit=off -c timezone=UTC -c search_path=simulation,pg_catalog,public"
        " -c simulation.now=2030-01-07T00:00:00Z"
    )
    engine = create_engine(url, poolclass=StaticPool, connect_args={"options": options})
    with engine.begin() as connection:
        connection.exec_driver_sql(VIRTUAL_NOW)
    return engine


def wipe(engine: Engine) -> None:
    """Forgets the last world: its rows would be swept by the next one."""
    with engine.begin() as connection:
        connection.exec_driver_sql(WIPE)


class WatchedSessions:
    """Sessions that stop at the world's boundaries. Behaves as `sessionmaker` does, as far as the product uses it."""

    def __init__(self, engine: Engine, hooks: Hooks, label: str) -> None:
        self._real: Sessions = make_sessions(engine)
        self._hooks = hooks
        self._label = label

    @contextmanager
    def __call__(self) -> Iterator[Session]:
        """A session that only reads."""
        self._hooks.boundary(f"{self._label} reads")
        with self._real() as session:
            yield session

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """One transaction. A commit may fail, or be applied and raise all the same."""
        self._hooks.boundary(f"{self._label} begins")
        fault = self._hooks.commit_fault()
        with self._real() as session:
            if self._label == "receiver":  # the worker and the sweep ask the clock of their workbench
                session.execute(SET_NOW, {"now": self._hooks.time()})
            yield session
            if fault is Fault.COMMIT_FAILS:
                session.rollback()
                raise OperationalError("the connection was lost before the commit (simulated)", None, _LOST)
            session.commit()
        if fault is Fault.COMMIT_UNHEARD:
            raise OperationalError("the connection was lost after the commit (simulated)", None, _LOST)
        self._hooks.boundary(f"{self._label} committed")


SET_NOW = text("SELECT set_config('simulation.now', :now, false)")
_LOST = ConnectionError("simulated")

Settled = Callable[[], bool]
