"""A Redis of a test's own that can be frozen, killed and started again, always on the same port."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from redis import Redis
from redis.exceptions import RedisError

from tests.acceptance.harness import free_port
from tests.support.eventually import eventually
from tools.local.redis import installed_server


@dataclass
class OwnRedis:
    """Keeps nothing on a disk: what is in it when it is killed is lost."""

    port: int = field(default_factory=free_port)
    _process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Starts it, empty; returns when it answers."""
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._process = subprocess.Popen([installed_server(), *options], stdout=subprocess.DEVNULL, cwd="/")
        eventually(self._answers)

    def send(self, signum: signal.Signals) -> None:
        """Sends it a signal; after SIGKILL it is gone."""
        assert self._process is not None
        self._process.send_signal(signum)
        if signum == signal.SIGKILL:
            self._process.wait()

    def flush(self) -> None:
        """All that is in it is lost."""
        with Redis.from_url(self.url) as client:
            client.flushall()

    def _answers(self) -> None:
        with Redis.from_url(self.url, socket_timeout=1) as client:
            try:
                answered = bool(client.ping())
            except RedisError:
                answered = False
        assert answered


@contextmanager
def running() -> Iterator[OwnRedis]:
    """One that is up, and gone at the end."""
    server = OwnRedis()
    server.start()
    try:
        yield server
    finally:
        server.send(signal.SIGKILL)
