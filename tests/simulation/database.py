"""The real PostgreSQL as a world sees it: boundaries before and after each transaction, and commits that can fail."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import psycopg
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import Engine, StaticPool, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from shared.database.engine import Sessions, make_sessions
from tests.simulation.faults import Fault

NUMBERED = ("accounts", "strategies", "events", "orders", "positions")
WIPE = "; ".join(
    [
        "UPDATE orders SET position_id = NULL",
        "DELETE FROM alerts; DELETE FROM answers; DELETE FROM fills; DELETE FROM positions; DELETE FROM orders",
        "DELETE FROM events; DELETE FROM strategies; DELETE FROM instruments; DELETE FROM tokens; DELETE FROM accounts",
        "DELETE FROM workers; DELETE FROM sweep_lease; DELETE FROM protocol_versions",
        *(f"PERFORM setval(pg_get_serial_sequence('{table}', 'id'), 1, false)" for table in NUMBERED),
    ]
)
FUNCTIONS = f"""
CREATE SCHEMA IF NOT EXISTS simulation;
CREATE OR REPLACE FUNCTION simulation.now() RETURNS timestamptz LANGUAGE sql STABLE
  AS $$ SELECT current_setting('simulation.now')::timestamptz $$;
CREATE OR REPLACE FUNCTION simulation.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
  AS $$ SELECT current_setting('simulation.now')::timestamptz $$;
CREATE OR REPLACE FUNCTION simulation.wipe() RETURNS void LANGUAGE plpgsql
  AS $$ BEGIN {WIPE}; END $$
"""
DEFAULTS = """
SELECT format('ALTER TABLE %I ALTER %I SET DEFAULT simulation.now()', table_name, column_name)
FROM information_schema.columns WHERE table_schema = 'public' AND column_default LIKE '%now()'
"""
COMMIT_FAULTS = (Fault.COMMIT_FAILS, Fault.COMMIT_UNHEARD)


class Hooks(Protocol):
    """What a world does at the edges of a transaction."""

    def boundary(self, label: str, seconds: float = 0.0) -> None: ...
    def commit_fault(self) -> Fault | None: ...
    def time(self) -> str: ...
    def changed(self) -> None: ...


class LastingConnection(psycopg.Connection[Any]):
    """Plans each statement once for as long as it lasts: planning took longer than executing.

    psycopg forgets what it has prepared with every rollback, since a statement may have been prepared for a table that
    the rollback takes away. No world changes the schema, and each session that only reads ends with a rollback.
    """

    def rollback(self) -> None:
        """Rolls back as psycopg does, and forgets nothing."""
        if self.pgconn.transaction_status == TransactionStatus.IDLE:
            return
        result = self.pgconn.exec_(b"ROLLBACK")
        if result.status != ExecStatus.COMMAND_OK:
            raise psycopg.OperationalError(result.get_error_message())


def connect(database_url: str) -> Engine:
    """One connection for the whole simulation: only one actor runs at a time, and none pauses in a transaction.

    `now()` is shadowed by a virtual one, so that what the product lets the database stamp has the world's time. That
    does not reach the columns' defaults, which were bound to the real one when the tables were made: with the real
    time of receipt, years ago, no event ever waited out its grace. So these are set anew.
    """
    settings = {
        "synchronous_commit": "off",
        "timezone": "UTC",
        "search_path": "simulation,pg_catalog,public",
        "simulation.now": "2030-01-07T00:00:00Z",
        "jit": "off",
        "plan_cache_mode": "force_generic_plan",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())

    def open_connection() -> LastingConnection:
        connection = LastingConnection.connect(database_url, options=options)
        connection.prepared_max = None
        return connection

    engine = create_engine("postgresql+psycopg://", poolclass=StaticPool, creator=open_connection)
    with engine.begin() as connection:
        connection.exec_driver_sql(FUNCTIONS)
        for stamped_by_the_world in connection.scalars(text(DEFAULTS)).all():
            connection.exec_driver_sql(stamped_by_the_world)
    return engine


def wipe(engine: Engine) -> None:
    """Forgets the last world: its rows would be swept by the next one."""
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT simulation.wipe()")


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
            self._hooks.changed()
            session.commit()
        if fault is Fault.COMMIT_UNHEARD:
            raise OperationalError("the connection was lost after the commit (simulated)", None, _LOST)
        self._hooks.boundary(f"{self._label} committed")


SET_NOW = text("SELECT set_config('simulation.now', :now, false)")
_LOST = ConnectionError("simulated")

Settled = Callable[[], bool]
