"""The two that are compared, as real processes by the lines of the Procfile: the bridge and the baseline."""

import json
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psycopg
from cryptography.fernet import Fernet
from redis import Redis

from tests.benchmarks.calls import Calls
from tests.benchmarks.load import Target
from tests.benchmarks.site import Site
from tests.chaos.program import ROOT, Program
from tests.chaos.stage import START_SECONDS, await_ok, procfile
from tests.support.eventually import eventually
from tools.local import preparation

THREADS = 16  # of a worker: the product's default
INSTANT = "tests.benchmarks.adapter:make"
PAPER = "tests.benchmarks.adapter:make_paper"
ACCOUNTS: dict[str, tuple[str, dict[str, str]]] = {
    "instant": (INSTANT, {}),
    "ms20": (INSTANT, {"latency_ms": "20"}),
    "ms50": (INSTANT, {"latency_ms": "50"}),
    "paper": (PAPER, {"hours": "always", "balance": "1000000000000"}),
}
GUNICORN = (
    "python -m gunicorn --bind 127.0.0.1:$PORT --workers 2 --worker-class gthread --threads 16 --keep-alive 75 "
    "tests.benchmarks.baseline:web"
)
"""The server that everybody takes for Flask, with the receiver's processes and the threads of a worker."""
SETTINGS = {"BRIDGE_OPEN_MAX_AGE_SECONDS": "3600"}  # a backlog of minutes is measured, not refused


class Side(Protocol):
    """One of the two. Its workers are stopped and started between measurements; its receiver stays."""

    label: str

    @property
    def site(self) -> Site: ...
    def start(self) -> None:
        """Starts everything, until events are taken and executed."""
        ...

    def target(self, account: str) -> Target: ...
    def calls(self) -> Calls:
        """The calls of the broker from now on."""
        ...

    def start_workers(self, threads: int = THREADS) -> None: ...
    def stop_workers(self) -> None: ...
    def unfinished(self) -> int:
        """How many events are stored or queued and not at their end."""
        ...

    def forget(self) -> None:
        """Drops whatever is stored and queued. The workers must have stopped."""
        ...


@dataclass(slots=True)
class Bridge:
    """This project. `database` and `redis_number`: its own, so that several may stand beside each other."""

    site: Site
    label: str = "bridge"
    redis_number: int = 0
    wait: float = 0.0
    extra: Mapping[str, str] = field(default_factory=dict)
    _environment: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _port: int = 0
    url: str = ""

    def start(self) -> None:
        self.url, self._port = self.site.database(self.label), free_port()
        own = {"DATABASE_URL": self.url, "REDIS_URL": self.site.redis(self.redis_number), "PORT": str(self._port)}
        self._environment = self.site.stage.environment(
            {
                **SETTINGS,
                **own,
                **self.extra,
                "BRIDGE_SECRET_KEY": Fernet.generate_key().decode(),
                "BRIDGE_RESPONSE_WAIT_SECONDS": str(self.wait),
            }
        )
        preparation.migrate(self._environment)
        self._tokens = {name: self._open(name, *ACCOUNTS[name]) for name in ACCOUNTS}
        self.start_workers()
        self.site.stage.add(f"{self.label}-receiver", procfile("receiver"), self._environment)
        eventually(self._knows_instruments, timeout=START_SECONDS, interval=0.1)
        await_ok(f"http://127.0.0.1:{self._port}/readyz")

    def target(self, account: str) -> Target:
        return Target(self._port, "/webhooks/proquant", {"authorization": f"Bearer {self._tokens[account]}"})

    def calls(self) -> Calls:
        return _from_now(self._calls)

    def start_workers(self, threads: int = THREADS) -> None:
        self._start_worker(f"{self.label}-worker", threads)

    def start_more_workers(self, processes: int) -> None:
        """Beside the one that there is."""
        for number in range(processes):
            self._start_worker(f"{self.label}-worker-{number + 2}", THREADS)

    def stop_workers(self) -> None:
        for name, program in self.workers().items():
            program.stop()
            if name != f"{self.label}-worker":
                del self.site.stage.programs[name]

    def workers(self) -> dict[str, Program]:
        """The worker, and those that were started beside it."""
        programs = self.site.stage.programs.items()
        return {name: program for name, program in programs if name.startswith(f"{self.label}-worker")}

    def restart_receiver(self, processes: int) -> None:
        """At the same port, with another number of processes than the Procfile has."""
        name = f"{self.label}-receiver"
        self.site.stage.programs[name].stop()
        command = procfile("receiver").replace("--workers 2 ", f"--workers {processes} ")
        self.site.stage.add(name, command, self._environment)
        await_ok(f"http://127.0.0.1:{self._port}/readyz")

    def add_flower(self) -> None:
        """What `make run` runs too."""
        environment = {**self._environment, "FLOWER_PORT": str(free_port()), "FLOWER_BASIC_AUTH": "a:b"}
        self.site.stage.add(f"{self.label}-flower", procfile("flower"), environment)

    def end(self) -> None:
        """Stops everything that it has."""
        for name, program in self.site.stage.programs.items():
            if name.startswith(f"{self.label}-"):
                program.stop()

    def unfinished(self) -> int:
        return self._count("SELECT count(*) FROM events WHERE finished_at IS NULL")

    def forget(self) -> None:
        with Redis.from_url(self.site.redis(self.redis_number)) as redis:
            redis.flushdb()
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("TRUNCATE strategies CASCADE")  # whatever belongs to an event goes with it

    @property
    def _calls(self) -> Path:
        return self.site.folder / f"{self.label}.calls"

    def _start_worker(self, name: str, threads: int) -> None:
        environment = {**self._environment, "WORKER_CONCURRENCY": str(threads)}
        self.site.stage.add(name, procfile("worker"), environment)

    def _open(self, name: str, kind: str, settings: Mapping[str, str]) -> str:
        given = [f"--setting={key}={value}" for key, value in {**settings, "calls": str(self._calls)}.items()]
        command = (str(preparation.BRIDGE), "accounts", "create", name, "--broker", kind, *given, "--json")
        made = subprocess.run(
            command, cwd=ROOT, env=self._environment, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        return str(json.loads(made.stdout)["token"])

    def _knows_instruments(self) -> None:
        known = self._count("SELECT count(DISTINCT account_id) FROM instruments")
        assert known == len(ACCOUNTS), f"{known} accounts know their instruments"

    def _count(self, query: str) -> int:
        with psycopg.connect(self.url) as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])


@dataclass(slots=True)
class Baseline:
    """See `baseline.py`: the same numbers of processes and threads, the same Redis and brokers.

    `receiver`: the command that serves it; by default on the receiver's own server, so that no server is compared.
    """

    site: Site
    label: str = "baseline"
    redis_number: int = 1
    receiver: str = procfile("receiver").replace(
        "-m receiver", "-m tests.support.baseline_server tests.benchmarks.baseline:served"
    )
    _environment: dict[str, str] = field(default_factory=dict)
    _port: int = 0

    def start(self) -> None:
        self._port = free_port()
        own = {"REDIS_URL": self.site.redis(self.redis_number), "PORT": str(self._port)}
        accounts = {name: self._account(kind, settings) for name, (kind, settings) in ACCOUNTS.items()}
        self._environment = self.site.stage.environment({**own, "BENCHMARK_ACCOUNTS": json.dumps(accounts)})
        self.start_workers()
        self.site.stage.add(f"{self.label}-receiver", self.receiver, self._environment)
        await_ok(f"http://127.0.0.1:{self._port}/readyz")

    def target(self, account: str) -> Target:
        return Target(self._port, f"/webhooks/{account}", {"authorization": "Bearer not-looked-at"})

    def bare(self) -> Target:
        """A route that does nothing."""
        return Target(self._port, "/bare", {"authorization": "Bearer not-looked-at"})

    def calls(self) -> Calls:
        return _from_now(self._calls)

    def start_workers(self, threads: int = THREADS) -> None:
        worker = procfile("worker").replace("workers.main:app", "tests.benchmarks.baseline:queue")
        environment = {**self._environment, "WORKER_CONCURRENCY": str(threads)}
        self.site.stage.add(f"{self.label}-worker", worker, environment)

    def stop_workers(self) -> None:
        self.site.stage.programs[f"{self.label}-worker"].stop()

    def unfinished(self) -> int:
        with Redis.from_url(self.site.redis(self.redis_number)) as redis:
            return int(redis.llen("celery")) + int(redis.hlen("unacked"))

    def forget(self) -> None:
        with Redis.from_url(self.site.redis(self.redis_number)) as redis:
            redis.flushdb()

    def end(self) -> None:
        """Stops everything that it has."""
        for name, program in self.site.stage.programs.items():
            if name.startswith(f"{self.label}-"):
                program.stop()

    @property
    def _calls(self) -> Path:
        return self.site.folder / f"{self.label}.calls"

    def _account(self, kind: str, settings: Mapping[str, str]) -> dict[str, object]:
        """The paper broker's books are in a database of the bridge's; they are named by account, and so not shared."""
        books = {"database_url": self.site.database("bridge")} if kind == PAPER else {}
        return {"broker": kind, "settings": {**settings, **books, "calls": str(self._calls)}}


def _from_now(path: Path) -> Calls:
    calls = Calls(path)
    calls.new()
    return calls


def free_port() -> int:
    """A port of loopback that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
