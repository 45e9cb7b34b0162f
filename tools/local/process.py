"""A server as our own child: started apart from the terminal, tied to our life, ended in steps."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

PR_SET_PDEATHSIG = 1  # linux/prctl.h
ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
"""All that a server gets: PGPORT and the like in the user's environment must not change it."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a server runs as: ourselves unless `user` is set."""

    user: int | None = None
    group: int | None = None

    @property
    def groups(self) -> list[int] | None:
        return None if self.user is None else []


OURSELVES = Identity()


def start(
    command: Sequence[str], log: Path, stop_signal: signal.Signals, identity: Identity = OURSELVES, text: str = ""
) -> "Server":
    """Start a server that reads `text`, writes to `log` and, on Linux, gets `stop_signal` should we die before it.

    In a session of its own, so that Ctrl-C reaches us alone and everything stops in order.
    """
    with log.open("wb") as output, tempfile.TemporaryFile() as stdin:
        stdin.write(text.encode())
        stdin.seek(0)
        process = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env=ENVIRONMENT,
            user=identity.user,
            group=identity.group,
            extra_groups=identity.groups,
            start_new_session=True,
            preexec_fn=tether(stop_signal),  # noqa: PLW1509  # there are no threads yet where servers start
        )
    return Server(process, log, stop_signal)


def run(command: Sequence[str], identity: Identity = OURSELVES) -> "subprocess.CompletedProcess[str]":
    """Run a program of a server to its end, as `start` would; its output and its errors are one text."""
    return subprocess.run(
        command,
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


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs, or has just ended."""

    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of what it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self, grace: float = 20.0) -> None:
        """Ask it to end, then SIGQUIT after `grace` seconds, then SIGKILL after 5 more."""
        for signum, patience in ((self.stop_signal, grace), (signal.SIGQUIT, 5.0), (signal.SIGKILL, None)):
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(signum)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
                return


def tether(signum: signal.Signals) -> Callable[[], None]:
    """What a child runs before its program, so that it gets `signum` when we end; has no effect but on Linux."""
    return partial(_tie, _libc(), os.getpid(), signum)  # loaded before the fork: loading takes a lock


def end_with_parent(signum: signal.Signals) -> None:
    """Have this process get `signum` when its parent ends; has no effect but on Linux."""
    _tie(_libc(), os.getppid(), signum)


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None) if sys.platform == "linux" else None


def _tie(libc: ctypes.CDLL | None, parent: int, signum: signal.Signals) -> None:
    if libc is None:
        return
    libc.prctl(PR_SET_PDEATHSIG, int(signum))
    if os.getppid() != parent:  # it ended before the line above
        os.kill(os.getpid(), signum)
