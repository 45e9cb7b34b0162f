"""`make run`: the whole bridge in the foreground, with its own PostgreSQL and Redis where none are named."""

import argparse
import contextlib
import http.client
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TextIO, assert_never

from honcho.environ import parse_procfile  # type: ignore[import-untyped]

from shared.errors import BridgeError, ConfigurationError
from tools.local import preparation, services
from tools.local.banner import ACCOUNT, BannerFacts, banner
from tools.local.preparation import LOOPBACK
from tools.local.process import end_with_parent
from tools.local.supervisor import Ended, Happenings, ReceiverReady, StopAsked, Supervisor

READY_SECONDS = 60.0
SETTLE_SECONDS = 15.0  # once the receiver answers, the worker has so long to report in before the banner comes anyway
AS_ROOT = "You're running the worker with superuser privileges"  # Celery's; whoever tries `make run` as root knows
ANY_ADDRESS = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104  # where to reach a server that listens everywhere


@dataclass(frozen=True, slots=True)
class RunVariant:
    """What a variant of `make run` does besides.

    `prepare` may change the environment of all processes, once the ports are known and the database is migrated; it
    returns further processes. `greet` says what is said once everything answers.
    """

    prepare: Callable[[Path, dict[str, str]], Mapping[str, str]]
    greet: Callable[[Mapping[str, str], BannerFacts], str]


PLAIN = RunVariant(lambda _, __: {}, lambda _, facts: banner(facts))


def main(arguments: Sequence[str] | None = None, variant: RunVariant = PLAIN) -> int:
    """Run until a signal comes, or until a process dies. Returns 0 after a signal, 1 after anything else."""
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--var", type=Path, default=Path("var"), help="the folder of all data (default: var)")
    var: Path = parser.parse_args(arguments).var.resolve()
    happenings: Happenings = SimpleQueue()
    _listen_for_signals(happenings)
    try:
        with services.running(var) as entries:
            return _run(var, {**os.environ, **entries}, happenings, variant)
    except BridgeError as error:
        _say(f"make run: {error}", sys.stderr)
        return 1


def _listen_for_signals(happenings: Happenings) -> None:
    """Signals only leave word: what is being started is started, and then stopped in order."""
    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signum != signal.SIGHUP or signal.getsignal(signum) is not signal.SIG_IGN:  # nohup stays nohup
            signal.signal(signum, lambda *_: happenings.put(StopAsked()))
    if "MAKELEVEL" in os.environ:
        end_with_parent(signal.SIGTERM)  # a make that is killed takes us with it


def _run(var: Path, environment: dict[str, str], happenings: Happenings, variant: RunVariant) -> int:
    host = environment.get("BIND") or LOOPBACK
    environment["PORT"] = str(preparation.port(environment, "PORT", 8000, host))
    environment["FLOWER_PORT"] = str(preparation.port(environment, "FLOWER_PORT", 5555, LOOPBACK))
    environment["PATH"] = f"{preparation.BRIDGE.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    environment["PYTHONUNBUFFERED"] = "1"
    environment.setdefault("PYTHONWARNINGS", f"ignore:{AS_ROOT}")
    if sys.stdout.isatty():  # the processes write to a pipe, and we show it on a terminal
        environment.setdefault("BRIDGE_LOG_FORMAT", "text")
    _say(preparation.migrate(environment))
    facts = _facts(var, environment, preparation.account_token(environment, ACCOUNT))
    more = variant.prepare(var, environment)
    supervisor = Supervisor(happenings)
    try:
        supervisor.start(*_processes(environment, facts, more))
        _watch_receiver(happenings, ANY_ADDRESS.get(host, host), int(environment["PORT"]))
        return _until_the_end(happenings, lambda: variant.greet(environment, facts))
    finally:
        supervisor.stop()


def _facts(var: Path, environment: Mapping[str, str], token: str | None) -> BannerFacts:
    if token is not None:  # said at once: should anything fail from here on, it would be lost
        _say(f"Created the account {ACCOUNT}; its token, shown only now: {token}")
    chosen = environment.get("FLOWER_BASIC_AUTH")
    return BannerFacts(
        receiver_url=f"http://{LOOPBACK}:{environment['PORT']}",
        flower_url=f"http://{LOOPBACK}:{environment['FLOWER_PORT']}",
        flower_login=None if chosen else f"bridge:{services.flower_password(var)}",
        token=token,
    )


def _processes(
    environment: Mapping[str, str], facts: BannerFacts, more: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """The commands of the Procfile and those of `more`, and the environment of each: only Flower gets its login."""
    try:
        commands: dict[str, str] = {**parse_procfile(Path("Procfile").read_text()).processes, **more}
    except FileNotFoundError as error:
        raise ConfigurationError("There is no Procfile here: run this from the project's folder") from error
    environments = {name: dict(environment) for name in commands}
    if facts.flower_login and "flower" in environments:
        environments["flower"]["FLOWER_BASIC_AUTH"] = facts.flower_login
    return commands, environments


def _watch_receiver(happenings: Happenings, host: str, port: int) -> None:
    def watch() -> None:
        healthy = becomes_ok(host, port, "/healthz", READY_SECONDS)
        if healthy:
            becomes_ok(host, port, "/readyz", SETTLE_SECONDS)
        happenings.put(ReceiverReady(healthy))

    threading.Thread(target=watch, daemon=True).start()


def becomes_ok(host: str, port: int, path: str, seconds: float) -> bool:
    """Whether the server answers 200 at `path` within so many seconds; returns as soon as it does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(host, port, timeout=5)  # and not through a proxy of the environment
        with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
            connection.request("GET", path)
            if connection.getresponse().status == http.HTTPStatus.OK:
                return True
        time.sleep(0.1)  # a process that has not opened its port can only be tried again
    return False


def _until_the_end(happenings: Happenings, greeting: Callable[[], str]) -> int:
    while True:
        match happenings.get():
            case ReceiverReady(ready):
                if not ready:
                    _say(f"The receiver has not answered for {READY_SECONDS:.0f} seconds; stopping", sys.stderr)
                    return 1
                _say(greeting())
            case Ended(name, code):
                _say(f"The process {name} has ended by itself with code {code}; stopping everything", sys.stderr)
                return 1
            case StopAsked():
                _say("Stopping; what has been begun is finished first (Ctrl-C again: stop at once)")
                return 0
            case other:
                assert_never(other)


def _say(text: str, stream: TextIO | None = None) -> None:
    with contextlib.suppress(OSError):  # the terminal is gone, and what is to be stopped must be stopped all the same
        print(text, file=stream or sys.stdout, flush=True)


if __name__ == "__main__":
    sys.exit(main())
