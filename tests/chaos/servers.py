"""PostgreSQL and Redis that can be crashed and come back at the same address."""

import contextlib
import os
import signal
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
from redis import Redis
from redis.exceptions import RedisError

from tools.local import postgres
from tools.local import redis as local_redis
from tools.local.process import Server, start

REDIS_SETTINGS = """\
bind 127.0.0.1
port {port}
dir "{folder}"
appendonly no
save ""
maxmemory-policy noeviction
"""
"""Nothing is written to disk: a Redis that is killed has lost all that it had."""
START_SECONDS = 20.0
CRASH_SECONDS = 15.0


class CrashablePostgres:
    """The embedded PostgreSQL. `folder` must be held by its lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = ExitStack()
        self.url = ""

    def start(self) -> None:
        url = self._stack.enter_context(postgres.running(self._folder, {"max_connections": "200"}))
        if self.url not in {"", url}:
            raise RuntimeError(f"PostgreSQL came back at {url}, and was at {self.url}: use a folder with a short name.")
        self.url = url

    def crash(self) -> None:
        """Immediate mode: connections are cut, nothing is written, and the next start recovers from the log."""
        self.thaw()
        main = self._main()
        main.send_signal(signal.SIGQUIT)
        main.wait(CRASH_SECONDS)
        self._stack.close()
        self.start()

    def freeze(self) -> None:
        """Every process of it stops where it is, and its system goes on answering for it."""
        main = self._main()
        main.suspend()  # first: one that is frozen starts no others
        for process in main.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):  # it has ended by itself
                process.suspend()

    def thaw(self) -> None:
        """All go on, where they were frozen; nothing where none is."""
        with contextlib.suppress(FileNotFoundError, psutil.NoSuchProcess):  # it does not run
            main = self._main()
            main.resume()
            for process in main.children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()

    def stop(self) -> None:
        self.thaw()
        self._stack.close()

    def _main(self) -> psutil.Process:
        return psutil.Process(int((self._folder / "postgres" / "postmaster.pid").read_text().split()[0]))


class CrashableRedis:
    """A Redis without a memory, always at the same port."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder / "redis"
        self._port = port
        self._log = folder / "log" / "redis.log"
        self._server: Server | None = None
        self.url = f"redis://127.0.0.1:{port}/0"

    def start(self) -> None:
        self._folder.mkdir(exist_ok=True)
        self._log.parent.mkdir(exist_ok=True)
        text = REDIS_SETTINGS.format(port=self._port, folder=self._folder)
        program = local_redis.installed_server()
        self._server = start([str(program), "-"], self._log, signal.SIGTERM, text=text)
        self._await_ready(self._server)

    def crash(self) -> None:
        """Killed with all that it held, and started again empty."""
        self.send(signal.SIGKILL)
        if self._server:
            self._server.process.wait()
        self.start()

    def send(self, signum: signal.Signals) -> None:
        """Sends a signal to the server that runs now."""
        if self._server and not self._server.has_ended():
            os.kill(self._server.process.pid, signum)

    def flush(self) -> None:
        """Forgets everything, and lives on. A server that is frozen at that moment keeps what it has."""
        with Redis.from_url(self.url, socket_timeout=1, retry=None) as client, contextlib.suppress(RedisError):
            client.flushall()

    def stop(self) -> None:
        self.send(signal.SIGCONT)
        if self._server:
            self._server.stop()

    def _await_ready(self, server: Server) -> None:
        deadline = time.monotonic() + START_SECONDS
        with Redis.from_url(self.url, socket_timeout=1, retry=None) as client:
            while True:
                try:
                    client.ping()
                    return
                except RedisError:
                    if server.has_ended() or time.monotonic() > deadline:
                        raise RuntimeError(f"Redis did not start. Its log ends:\n{server.log_tail()}") from None
                time.sleep(0.02)  # it gives no other sign that it is ready
