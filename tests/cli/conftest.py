"""The command line in an empty folder, on the test's own database."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result

from shared.database.engine import Sessions
from tests.cli.runner import SECRET_KEY, Cli, Doctor
from tests.cli.server import LoopbackServer, serving
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge, signal


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line with no settings and no services at all."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PROQUANT_BRIDGE_TOKEN", raising=False)
    return Cli({})


@pytest.fixture
def cli(database_url: str, offline: Cli) -> Cli:
    """The command line on the test's database, with a key, and with no Redis."""
    return Cli({**offline.environment, "DATABASE_URL": database_url, "BRIDGE_SECRET_KEY": SECRET_KEY})


@pytest.fixture
def token(cli: Cli) -> str:
    """The token of the account `demo`, created on the paper broker."""
    created: dict[str, str] = cli.json("accounts", "create", "demo", "--broker", "paper", "--setting", "hours=always")
    return created["token"]


@pytest.fixture
def bridge(sessions: Sessions, database_url: str) -> Iterator[Bridge]:
    """A running bridge with the account `alice`, on the same database."""
    with bridges.running(sessions, database_url) as running:
        running.open_account()
        yield running


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    """An HTTP server on the loopback."""
    with serving() as told:
        yield told


@pytest.fixture
def fails_clearly() -> Callable[[Result, str], None]:
    """Asserts that a command failed with one line on standard error that holds these words, and printed nothing."""

    def check(result: Result, words: str) -> None:
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1, result.stderr
        assert words in result.stderr

    return check


@pytest.fixture
def doctor(cli: Cli, redis_url: str, bridge: Bridge) -> Doctor:
    """What `doctor` finds, by the name of the check; on a bridge that holds one position, with a worker."""
    assert bridge.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
    bridge.settled()
    common = {"BRIDGE_SECRET_KEY": bridge.secret_key, "REDIS_URL": redis_url}

    def examine(**environment: str) -> dict[str, dict[str, str]]:
        result = cli("doctor", "--json", **{**common, **environment})
        found = json.loads(result.stdout)
        failed = any(finding["result"] == "fail" for finding in found)
        assert result.exit_code == (1 if failed else 0)
        assert len({finding["check"] for finding in found}) == len(found)
        assert all(finding["advice"] for finding in found if finding["result"] != "ok")
        return {finding["check"]: finding for finding in found}

    return examine
