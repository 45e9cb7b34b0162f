"""What must be true before the processes start: free ports, a migrated database, and in the first run an account."""

import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from shared.errors import ConfigurationError

BRIDGE = Path(sys.executable).with_name("proquant-bridge")
LOOPBACK = "127.0.0.1"


def port(environment: Mapping[str, str], name: str, default: int, host: str) -> int:
    """The port that `name` says, or its file, proven free on `host`. Raises ConfigurationError otherwise."""
    text = _from_file(environment, name) or environment.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ConfigurationError(f"{name}={text} is not a port; it must be a number from 1 to 65535")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what a predecessor left in TIME_WAIT is no matter
        try:
            probe.bind((host, int(text)))
        except OSError as error:
            raise ConfigurationError(
                f"port {text} on {host} cannot be used ({error.strerror}): "
                f"stop what uses it, or choose another with {name}=..."
            ) from error
    return int(text)


def _from_file(environment: Mapping[str, str], name: str) -> str | None:
    path = environment.get(f"{name}_FILE")
    try:
        return Path(path).read_text().strip() if path else None
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"{name}_FILE: {path} cannot be read ({type(error).__name__})") from error


def migrate(environment: Mapping[str, str]) -> str:
    """Bring the database to the newest schema; what was done, in words."""
    return _bridge(environment, "migrate").strip()


def account_token(environment: Mapping[str, str], name: str, hours: str = "always") -> str | None:
    """Create the account `name` on the paper broker if there is none; the token of the new one, else None."""
    accounts = json.loads(_bridge(environment, "accounts", "list", "--json"))
    if any(name in (account.get("account"), account.get("name")) for account in accounts):
        return None
    settings = ("--broker", "paper", "--setting", f"hours={hours}")
    return str(json.loads(_bridge(environment, "accounts", "create", name, *settings, "--json"))["token"])


def request_integration(environment: Mapping[str, str], account: str, email: str) -> None:
    """Ask ProQuant for the user's approval, unless it was asked before."""
    _bridge(environment, "integrations", "create", "--account", account, "--user-email", email)


def _bridge(environment: Mapping[str, str], *arguments: str) -> str:
    """What our own command prints. In a session of its own: Ctrl-C must not cut a migration short."""
    result = subprocess.run(
        [str(BRIDGE), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(environment),
        start_new_session=True,
        check=False,
    )
    if result.returncode:
        raise ConfigurationError(f"`proquant-bridge {' '.join(arguments)}` failed; its message stands above")
    return result.stdout
