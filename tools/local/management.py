"""`make manage`: the management API beside a `make run`, on the same database, with a key that is made once."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from shared.errors import BridgeError, ConfigurationError
from tools.local import preparation, services
from tools.local.preparation import LOOPBACK

OPTIONS = ("--interface", "wsgi", "--blocking-threads", "8", "--http", "1", "--no-ws", "--log-level", "warning")


def main(var: Path = Path("var")) -> NoReturn:
    """Becomes the server, which runs until a signal comes. Ends with one line where it cannot begin."""
    try:
        environment = prepare(var, os.environ)
    except BridgeError as error:
        sys.exit(f"make manage: {error}")
    sys.stdout.write(_greeting(environment))
    sys.stdout.flush()
    _become_server(environment)


def prepare(var: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of the server: what is set, then what a running `make run` has announced, then a kept key.

    Raises ConfigurationError where there is no database to work on, or the port is taken.
    """
    chosen = {**(services.find(var) or {}), **environment}
    if not (chosen.get("DATABASE_URL") or chosen.get("DATABASE_URL_FILE")):
        raise ConfigurationError("There is no DATABASE_URL, and `make run` is not running here: start it first")
    if not (chosen.get("BRIDGE_MANAGEMENT_KEY") or chosen.get("BRIDGE_MANAGEMENT_KEY_FILE")):
        chosen["BRIDGE_MANAGEMENT_KEY"] = services.management_key(var)
    port = preparation.port(chosen, "BRIDGE_MANAGEMENT_PORT", 8001, LOOPBACK)
    return chosen | {"BRIDGE_MANAGEMENT_PORT": str(port)}


def _greeting(environment: Mapping[str, str]) -> str:
    url = f"http://{LOOPBACK}:{environment['BRIDGE_MANAGEMENT_PORT']}"
    key = environment.get("BRIDGE_MANAGEMENT_KEY", "KEY")
    return f"""
  What it can do   {url}/
  Try it           curl {url}/accounts -H 'Authorization: Bearer {key}'
  Stop it          Ctrl-C

"""


def _become_server(environment: Mapping[str, str]) -> NoReturn:
    server = str(preparation.BRIDGE.with_name("granian"))
    place = ("--host", LOOPBACK, "--port", environment["BRIDGE_MANAGEMENT_PORT"])
    command = [server, "tools.management.main:app", *OPTIONS, *place]
    os.execve(server, command, environment)  # noqa: S606  # no shell, and nothing of ours is left that could outlive it


if __name__ == "__main__":
    main()
