"""What a command works with: the settings, wherever they come from, and the database; faults in plain words."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import errors as postgresql
from sqlalchemy.exc import DBAPIError, OperationalError, TimeoutError  # noqa: A004  # the pool's own

from shared.config import Config, load
from shared.database.engine import Sessions, make_engine, make_sessions
from shared.errors import BridgeError
from tools.local import services

VAR = Path("var")
"""Where `make run` keeps its data and announces its services, below the folder that the command runs in."""


class DatabaseFault(BridgeError):
    """The database cannot be used as it is."""


@contextmanager
def settings() -> Iterator[Config]:
    """The settings: of the environment, else of a running `make run`, else PostgreSQL on the data that it left.

    Commands do not need Redis: where no setting says where it is, it counts as one that does not run.
    Raises ConfigurationError.
    """
    with services.for_cli(VAR, need_redis=False), _some_redis():
        yield load()


@contextmanager
def database() -> Iterator[Sessions]:
    """Sessions on the database of the settings. Raises ConfigurationError and DatabaseFault."""
    with settings() as config, sessions_of(config) as sessions:
        yield sessions


@contextmanager
def sessions_of(config: Config) -> Iterator[Sessions]:
    """Sessions on this database, for as long as it lasts. Raises DatabaseFault."""
    engine = make_engine(config.database_url, pool_size=2)
    try:
        with faults_explained():
            yield make_sessions(engine)
    finally:
        engine.dispose()


@contextmanager
def faults_explained() -> Iterator[None]:
    """Turns a fault that the operator can mend into a DatabaseFault that says how; any other one stays as it is."""
    try:
        yield
    except TimeoutError as error:
        raise DatabaseFault("The database did not answer in time.") from error
    except DBAPIError as error:
        raise DatabaseFault(_explanation(error)) from error


def _explanation(error: DBAPIError) -> str:
    """Raises the error again where it is none that an operator can mend."""
    if isinstance(error.orig, postgresql.UndefinedTable | postgresql.UndefinedColumn):
        return "The database does not have this build's schema: run `proquant-bridge migrate`."
    said = str(error.orig).strip().partition("\n")[0]
    if isinstance(error, OperationalError) or isinstance(error.orig, postgresql.InsufficientPrivilege):
        return f"The database cannot be used: {said}"
    raise error


@contextmanager
def _some_redis() -> Iterator[None]:
    if os.environ.get("REDIS_URL") or os.environ.get("REDIS_URL_FILE"):
        yield
        return
    os.environ["REDIS_URL"] = services.NOT_RUNNING_REDIS
    try:
        yield
    finally:
        os.environ.pop("REDIS_URL", None)
