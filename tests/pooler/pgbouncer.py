"""A PgBouncer of the tests' own, in transaction mode, before the tests' PostgreSQL."""

import os
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.support.eventually import eventually
from tools.local import postgres
from tools.local.process import OURSELVES, Identity, Server, start

PROGRAM = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
QUEUE_SECONDS = 1  # of those who wait for a server; the default is 120
SETTINGS = """\
[databases]
* = host={sockets} port={server_port}

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = {servers}
max_client_conn = 200
query_wait_timeout = {patience}
server_login_retry = 1
"""


@dataclass(slots=True)
class Pooler:
    """One that can be stopped and started again at the same port. It lends `servers` for each database."""

    folder: Path
    sockets: str
    servers: int
    port: int
    identity: Identity
    _server: Server | None = None

    def start(self) -> None:
        """Returns when it answers."""
        assert PROGRAM is not None
        self._server = start([PROGRAM, str(self._settings())], self.folder / "log", signal.SIGINT, self.identity)
        eventually(self._answers, interval=0.05)

    def stop(self) -> None:
        """Ends it at once: whoever is connected is cut off."""
        if self._server is not None:
            self._server.process.kill()
            self._server.stop()

    def url(self, database_url: str) -> str:
        """Where the same database is reached through it."""
        direct = make_url(database_url).set(host="127.0.0.1", port=self.port, query={})
        return direct.render_as_string(hide_password=False)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _settings(self) -> Path:
        users, settings = self.folder / "users", self.folder / "settings.ini"
        users.write_text(f'"{postgres.USER}" ""\n')
        settings.write_text(
            SETTINGS.format(
                sockets=self.sockets,
                server_port=postgres.PORT,
                port=self.port,
                users=users,
                servers=self.servers,
                patience=QUEUE_SECONDS,
            )
        )
        return settings

    def _answers(self) -> None:
        url = f"postgresql://{postgres.USER}@127.0.0.1:{self.port}/{postgres.DATABASE}"
        try:
            psycopg.connect(url, connect_timeout=3).close()
        except psycopg.OperationalError as error:
            assert self._server is not None
            words = f"PgBouncer does not answer: {error}; {self._server.log_tail()}"
            if self._server.has_ended():
                raise RuntimeError(words) from error
            raise AssertionError(words) from error


@contextmanager
def running(folder: Path, postgres_url: str, servers: int) -> Iterator[Pooler]:
    """A pooler in a folder that is its own. Root's runs as the owner of PostgreSQL's sockets: it refuses to be root."""
    sockets = make_url(postgres_url).query["host"]
    assert isinstance(sockets, str)
    folder.chmod(0o711)
    pooler = Pooler(folder, sockets, servers, _free_port(), _identity(Path(sockets)))
    pooler.start()
    try:
        yield pooler
    finally:
        pooler.stop()


def _identity(sockets: Path) -> Identity:
    owner = sockets.stat()
    return Identity(owner.st_uid, owner.st_gid) if os.geteuid() == 0 else OURSELVES


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
