"""What every system under test stands on: a folder, Redis, the broker, and a list of its own programs."""

import os
import signal
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from honcho.environ import parse_procfile  # type: ignore[import-untyped]

from tests.chaos.books import FileBooks
from tests.chaos.program import ROOT, Program
from tests.chaos.servers import CrashablePostgres, CrashableRedis
from tests.support.eventually import eventually

ACCOUNT = "chaos"
WORKERS = 2
THREADS = 8
START_SECONDS = 120.0  # a busy machine; it takes five otherwise
NOT_INHERITED = ("BRIDGE_", "DATABASE_URL", "REDIS_URL", "PORT", "BIND", "WORKER_CONCURRENCY", "FLOWER_")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Stage:
    """The ground of one run. `postgres` is None for a system that has none."""

    folder: Path
    dedupe: str
    with_postgres: bool
    port: int = field(default_factory=_free_port)
    broker_port: int = field(default_factory=_free_port)
    programs: dict[str, Program] = field(default_factory=dict)
    redis: CrashableRedis = field(init=False)
    postgres: CrashablePostgres | None = field(init=False)

    def __post_init__(self) -> None:
        self.redis = CrashableRedis(self.folder, _free_port())
        self.postgres = CrashablePostgres(self.folder) if self.with_postgres else None

    @property
    def broker_url(self) -> str:
        return f"http://127.0.0.1:{self.broker_port}"

    @property
    def webhook_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhooks/proquant"

    @property
    def books(self) -> FileBooks:
        return FileBooks(self.folder / "books.jsonl")

    def start_servers(self) -> None:
        """Redis, PostgreSQL where it is wanted, and the broker, until each answers."""
        (self.folder / "log").mkdir(exist_ok=True)
        self.redis.start()
        if self.postgres is not None:
            self.postgres.start()
        server = f"-m tests.chaos.broker_server --port {self.broker_port} --dedupe {self.dedupe}"
        self.add("broker", f"'{sys.executable}' {server} --books '{self.books.path}'", self.environment({}))
        await_ok(f"{self.broker_url}/figures")

    def add(self, name: str, command: str, environment: Mapping[str, str]) -> None:
        """One more program, started."""
        program = Program(name, command, environment, self.folder / "log" / f"{name}.log")
        self.programs[name] = program
        program.start()

    def environment(self, additions: Mapping[str, str]) -> dict[str, str]:
        """Ours without settings of the bridge, and `additions`."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{inherited.get('PATH', os.defpath)}"
        return {**inherited, "PATH": path, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **additions}

    def worker(self, number: int) -> Program:
        return self.programs[f"worker-{number % WORKERS + 1}"]

    def tend(self) -> None:
        """Starts again whatever has ended."""
        for program in self.programs.values():
            program.tend()

    def unplanned(self) -> dict[str, int]:
        """The programs that have ended by themselves, and how often."""
        return {program.name: program.unplanned for program in self.programs.values() if program.unplanned}

    def stop_programs(self) -> None:
        """Ends every program; Redis and PostgreSQL stay."""
        for program in self.programs.values():
            program.signal_group(signal.SIGCONT)
            program.ask_to_end()
        for program in self.programs.values():
            program.stop()

    def stop(self) -> None:
        """Ends everything."""
        self.redis.send(signal.SIGCONT)
        self.stop_programs()
        self.redis.stop()
        if self.postgres is not None:
            self.postgres.stop()


def procfile(name: str) -> str:
    """A line of the Procfile: what is tested is what is run."""
    return str(parse_procfile((ROOT / "Procfile").read_text()).processes[name])


def await_ok(url: str) -> None:
    """Waits until it answers 200."""

    def answers() -> None:
        try:
            status = httpx.get(url, timeout=5, trust_env=False).status_code
        except httpx.HTTPError as error:
            raise AssertionError(f"{url} does not answer: {error}") from error
        assert status == httpx.codes.OK, f"{url} answers {status}"

    eventually(answers, timeout=START_SECONDS, interval=0.1)
