"""Serves the simulator with granian: one worker, since what it remembers is in that worker's memory."""

import os
from collections.abc import Mapping

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from shared.errors import ConfigurationError
from tools.simulator import settings, snapshot
from tools.simulator.url_guard import is_loopback

THREADS = 32  # half of them may be pages that wait for news
STOP_SECONDS = 15  # a page that waits for news is answered within 2; a busy machine once took more than 5 for twelve


def serve(host: str, port: int, allow_remote: bool, environment: Mapping[str, str]) -> None:
    """Serves until a signal comes; `environment` holds the simulator's settings, for its worker.

    Raises ConfigurationError for settings and a kept file that are odd, and for an address that others could reach.
    """
    if not allow_remote and not is_loopback(host):
        raise ConfigurationError(
            f"{host} can be reached from other machines, and the simulator has no password: use --allow-remote"
        )
    os.environ.update(environment)
    keep = settings.load().keep
    if keep is not None:
        snapshot.load(keep)  # the worker does, too; but only here can it be said in one line
    Granian(
        "tools.simulator.app:make_app",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=THREADS,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
        workers_kill_timeout=STOP_SECONDS,
        factory=True,
    ).serve()
