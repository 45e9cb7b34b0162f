"""What a person gets from `make run`: one command, everything up, a first position, and nothing left behind."""

import json
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psutil
import pytest

from tests.acceptance import harness
from tests.acceptance.harness import Run

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where the data folders are: PostgreSQL's user may not enter pytest's own."""
    with tempfile.TemporaryDirectory(prefix="pqb-run-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture(scope="module")
def run(folder: Path) -> Iterator[Run]:
    """A first run, up."""
    started = harness.start(folder / "var")
    yield started
    if started.process.poll() is None:
        assert started.stop(signal.SIGTERM) == 0


def test_everything_answers(run: Run) -> None:
    assert httpx.get(f"{run.base_url}/healthz").status_code == 200
    assert httpx.get(f"{run.base_url}/readyz").status_code == 200


@pytest.mark.skipif(shutil.which("curl") is None, reason="the banner's line is one for curl")
def test_the_line_of_the_banner_opens_a_position(run: Run) -> None:
    answer = subprocess.run(["sh", "-c", run.curl], check=True, capture_output=True, text=True).stdout
    assert answer.startswith("HTTP/1.1 200")
    held = json.loads(run.cli("positions", "list", "--open", "--json"))
    assert [(line["account"], line["ticker"], line["direction"], line["quantity"]) for line in held] == [
        ("demo", "XAUUSD", "BUY", "10")
    ]


def test_flower_shows_itself_to_nobody_without_its_login(run: Run) -> None:
    url = f"http://127.0.0.1:{run.flower_port}/workers"
    login = (run.var / "flower.password").read_text()
    assert httpx.get(url).status_code == 401
    assert httpx.get(url, auth=("bridge", login)).status_code == 200
    assert f"bridge:{login}" in run.output


def test_no_secret_stands_on_a_command_line(run: Run) -> None:
    secrets = [(run.var / name).read_text() for name in ("flower.password", "secret.key")]
    secrets.append(json.loads((run.var / "services.json").read_text())["REDIS_URL"])
    lines = [" ".join(process.cmdline()) for process in run.family()]
    assert not [line for line in lines for secret in secrets if secret in line]


def test_a_second_run_on_the_same_data_is_refused(run: Run) -> None:
    with pytest.raises(RuntimeError, match=f"ended with 1:\nmake run: .* in use by process {run.process.pid}"):
        harness.start(run.var)


def test_a_taken_port_is_named_and_nothing_is_left_running(run: Run, folder: Path) -> None:
    with pytest.raises(RuntimeError, match=f"ended with 1:\nmake run: port {run.port} .* choose another with PORT="):
        harness.start(folder / "other", port=run.port)
    assert not [process for process in psutil.process_iter(["cwd"]) if f"{folder}/other" in str(process.info["cwd"])]


def test_it_stops_on_ctrl_c_and_comes_back_with_its_data(run: Run) -> None:
    assert run.token is not None
    assert run.stop(signal.SIGINT) == 0
    again = harness.start(run.var, port=run.port)
    assert [account["account"] for account in json.loads(again.cli("accounts", "list", "--json"))] == ["demo"]
    assert again.token is None
    assert "rotate-token demo" in again.output
    assert again.stop(signal.SIGTERM) == 0


def test_it_comes_back_at_once_after_everything_was_killed_and_ends_when_one_process_dies(run: Run) -> None:
    first = harness.start(run.var)
    for process in first.family():
        with suppress(psutil.NoSuchProcess):  # a helper of PostgreSQL's that had ended by itself
            process.kill()
    first.process.wait()
    second = harness.start(run.var)
    family = second.family()
    next(process for process in family if "worker" in process.cmdline()).kill()
    assert second.ended(family) == 1
    assert "The process worker has ended by itself" in second.output
