"""A process that may be killed, stopped and frozen, and is started again: with a group and a log of its own."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.local.process import tether

ROOT = Path(__file__).parents[2]
RESTART_PAUSE_SECONDS = 0.5  # so that a program that cannot start does not keep the machine busy
STOP_SECONDS = 20.0


@dataclass(slots=True)
class Program:
    """A command line, as a Procfile has it, and the process that runs it now. To be used from one thread."""

    name: str
    command: str
    environment: Mapping[str, str]
    log: Path
    unplanned: int = 0  # how often it has ended without being asked to
    _process: "subprocess.Popen[bytes] | None" = None
    _started: float = field(default=0.0)
    _asked_to_end: bool = field(default=False)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Starts it; on Linux it is asked to end should we die before it."""
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S602  # Procfile lines are shell commands, and they are ours
                f"exec {self.command}",
                shell=True,
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=tether(signal.SIGTERM),  # noqa: PLW1509  # it loads nothing after the fork
            )
        self._started, self._asked_to_end = time.monotonic(), False

    def tend(self) -> None:
        """Starts it again if it has ended."""
        if self._process is None or self._process.poll() is None:
            return
        if not self._asked_to_end:
            if time.monotonic() - self._started < RESTART_PAUSE_SECONDS:
                return
            self.unplanned += 1
        self.start()

    def kill(self) -> None:
        """Kills it and all its children, as a machine that loses its power would."""
        self._asked_to_end = True
        self.signal_group(signal.SIGKILL)
        if self._process:
            self._process.wait()

    def ask_to_end(self) -> None:
        """SIGTERM to the program itself, which tells its children."""
        self._asked_to_end = True
        if self._process:
            self._process.terminate()

    def signal_group(self, signum: signal.Signals) -> None:
        """Sends a signal to it and its children."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # it has ended; macOS: zombies permit nothing
            if self._process:
                os.killpg(self._process.pid, signum)

    def stop(self) -> None:
        """Ends it for good, with patience, and then without."""
        self.signal_group(signal.SIGCONT)
        self.ask_to_end()
        if self._process:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        self.kill()
