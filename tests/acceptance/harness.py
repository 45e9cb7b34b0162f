"""Starts what `make run` starts, in a folder and on ports of its own, and sees that it leaves nothing behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support.eventually import eventually
from tools.local import lock, services

ROOT = Path(__file__).parents[2]
PROGRAM = "tools.local.run"  # `make run`
BRIDGE = Path(sys.executable).with_name("proquant-bridge")
LAST_LINE_OF_BANNER = "Stop everything:"
SETTINGS = ("DATABASE_URL", "REDIS_URL", "BRIDGE_", "FLOWER_", "BIND", "WORKER_CONCURRENCY")  # never the user's own
START_SECONDS = 90.0  # a busy machine; it takes five otherwise
STOP_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """A `make run` in another process."""

    process: "subprocess.Popen[bytes]"
    var: Path
    port: int
    flower_port: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def output(self) -> str:
        """All that it has printed."""
        return _output_file(self.var, self.flower_port).read_text()

    @property
    def token(self) -> str | None:
        """The token that the banner shows in the first run."""
        found = re.search(r"Token +(\S+)", self.output)
        return found[1] if found else None

    @property
    def curl(self) -> str:
        """The line of the banner that opens a position."""
        found = re.search(r"^curl .*$", self.output, re.MULTILINE)
        assert found is not None, self.output
        return found[0]

    def family(self) -> list[psutil.Process]:
        """It and all that it has started."""
        main = psutil.Process(self.process.pid)
        return [main, *main.children(recursive=True)]

    def entries(self) -> dict[str, str]:
        """Where its services are, as it announces them."""
        return services.find(self.var) or {}

    def cli(self, *arguments: str) -> str:
        """What our command line prints about this run."""
        result = self.ask(*arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout

    def ask(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Our command line about this run, whatever its exit code."""
        environment = os.environ | self.entries()
        return subprocess.run(
            [BRIDGE, *arguments], cwd=ROOT, env=environment, check=False, capture_output=True, text=True
        )

    def stop(self, signum: signal.Signals) -> int:
        """Send `signum`, wait for the end, and prove that no process and no lock is left. Returns the exit code."""
        family = self.family()
        self.process.send_signal(signum)
        return self.ended(family)

    def ended(self, family: list[psutil.Process]) -> int:
        """Wait for the end by itself; the proofs and the exit code as `stop`."""
        code = self.process.wait(STOP_SECONDS)
        assert [process for process in family if _is_alive(process)] == [], self.output
        assert not lock.is_held(self.var)
        assert not (self.var / services.ANNOUNCEMENT).exists()
        return code


def start(var: Path, port: int | None = None, settings: Mapping[str, str] | None = None, program: str = PROGRAM) -> Run:
    """Start it on `var`, with `settings` in its environment, and wait for its banner."""
    run = launch(var, port or free_port(), free_port(), settings, program)
    try:
        eventually(lambda: _has_banner(run), timeout=START_SECONDS)
    except BaseException:
        run.process.terminate()
        run.process.wait(STOP_SECONDS)
        raise
    return run


def launch(
    var: Path, port: int, flower_port: int, settings: Mapping[str, str] | None = None, program: str = PROGRAM
) -> Run:
    """Start it, and wait for nothing."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    with _output_file(var, flower_port).open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", program, "--var", str(var)],
            cwd=ROOT,
            env=environment | {"PORT": str(port), "FLOWER_PORT": str(flower_port), **(settings or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Run(process, var, port, flower_port)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _output_file(var: Path, flower_port: int) -> Path:
    return var.with_name(f"{var.name}-{flower_port}.output")  # two runs may be started on one folder


def _has_banner(run: Run) -> None:
    if run.process.poll() is not None:
        raise RuntimeError(f"It ended with {run.process.returncode}:\n{run.output}")
    assert LAST_LINE_OF_BANNER in run.output


def _is_alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
