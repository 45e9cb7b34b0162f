"""The processes of a Procfile in the foreground: their output on ours, and an orderly end for all of them.

Honcho reads the Procfile and prints the lines. Its manager is not used: it kills after five seconds, while a worker may
take longer to finish an order, and its forked runners outlive a parent that was killed.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue

from honcho.colour import get_colours  # type: ignore[import-untyped]
from honcho.printer import Message, Printer  # type: ignore[import-untyped]

from tools.local.process import tether

GRACE_SECONDS = 40.0  # the receiver and Celery finish what they have begun, an order at the broker among it


@dataclass(frozen=True, slots=True)
class Ended:
    """A process has ended, with its return code."""

    name: str
    code: int


@dataclass(frozen=True, slots=True)
class StopAsked:
    """A signal asks us to stop."""


@dataclass(frozen=True, slots=True)
class ReceiverReady:
    """Whether the receiver has answered in time."""

    ready: bool


Happenings = SimpleQueue[Ended | StopAsked | ReceiverReady]


class Supervisor:
    """Starts processes, prints what they write, reports the end of each to `happenings`, and stops them."""

    def __init__(self, happenings: Happenings) -> None:
        self._happenings = happenings
        self._printer = Printer()
        self._printing = threading.Lock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, commands: Mapping[str, str], environments: Mapping[str, Mapping[str, str]]) -> None:
        """Start every command through the shell, each in a session of its own; on Linux none outlives us."""
        self._printer.width = max(map(len, commands))
        for name, command in commands.items():
            self._processes[name] = _start(command, environments[name])
        for colour, (name, process) in zip(get_colours(), self._processes.items(), strict=False):
            for task, argument in ((self._relay, colour), (self._report_end, None)):  # threads only after the last fork
                threading.Thread(target=task, args=(name, process, argument), daemon=True).start()

    def stop(self, grace: float = GRACE_SECONDS) -> None:
        """Ask all to end; after `grace` seconds, or when asked once more, kill what is left and its children."""
        for process in self._processes.values():
            process.send_signal(signal.SIGTERM)
        self._await_ends(time.monotonic() + grace)
        for process in self._processes.values():
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: no permission for zombies
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def _await_ends(self, deadline: float) -> None:
        while any(process.poll() is None for process in self._processes.values()):
            try:
                happening = self._happenings.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                return
            if isinstance(happening, StopAsked):
                return

    def _relay(self, name: str, process: subprocess.Popen[bytes], colour: str) -> None:
        for line in process.stdout or ():
            message = Message(type="line", data=line, time=datetime.now().astimezone(), name=name, colour=colour)
            with self._printing, contextlib.suppress(OSError):  # the terminal is gone: read on, or the process blocks
                self._printer.write(message)

    def _report_end(self, name: str, process: subprocess.Popen[bytes], _: object) -> None:
        self._happenings.put(Ended(name, process.wait()))


def _start(command: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S602  # the lines of a Procfile are shell commands, and the Procfile is ours
        f"exec {command}",  # the shell gives way, so that a signal reaches the program itself
        shell=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(environment),
        start_new_session=True,
        preexec_fn=tether(signal.SIGTERM),  # noqa: PLW1509  # there are no threads yet
    )
