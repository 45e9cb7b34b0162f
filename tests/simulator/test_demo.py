"""`make demo`: bridge and simulator come up together, know each other, and remember each other the next time."""

import json
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.acceptance import harness
from tests.acceptance.harness import Run
from tests.support.eventually import eventually

pytestmark = pytest.mark.acceptance

GOLD = {"ticker": "XAUUSD", "direction": "BUY", "quantity": "10"}
ELSEWHERE = "https://proquant.invalid/api/integrations/v1/integrations"


@pytest.fixture
def var() -> Iterator[Path]:
    """A data folder that PostgreSQL's own user may enter."""
    with tempfile.TemporaryDirectory(prefix="pqb-demo-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name) / "var"


@contextmanager
def started(var: Path, port: int) -> Iterator[tuple[Run, httpx.Client]]:
    """A demo whose user has set the address of another ProQuant, which it must not use; and a way to its page."""
    simulator = str(harness.free_port())
    settings = {
        "SIMULATOR_PORT": simulator,
        "BRIDGE_PROQUANT_API_URL": ELSEWHERE,
        "BRIDGE_PUBLIC_URL": "https://bridge.example",
    }
    run = harness.start(var, port, settings=settings, program="tools.local.demo")
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{simulator}", trust_env=False, timeout=30) as page:
            yield run, page
    finally:
        code = run.stop(signal.SIGTERM)
    assert code == 0, run.output


def kept(var: Path) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = json.loads((var / "simulator.json").read_text())
    return found


def test_a_signal_of_the_demo_is_filled_and_the_next_demo_goes_on_from_there(var: Path) -> None:
    port = harness.free_port()  # the same both times: an integration is bound to the address of its webhook
    with started(var, port) as (run, page):
        assert str(page.base_url) in run.output
        requests = {each["name"]: each for each in kept(var)["integrations"]}
        assert set(requests) == {"demo", "demo-closed"}
        assert f'"{run.base_url}/webhooks/proquant"' in json.dumps(requests["demo"])
        demo, strategy = requests["demo"]["id"], kept(var)["strategies"][0]["id"]
        _press(page, f"/integrations/{demo}/approve")
        _press(page, f"/strategies/{strategy}/integrations/{demo}", enabled="yes")
        _press(page, "/signals", strategy=str(strategy), kind="OPEN", **GOLD)
        eventually(lambda: _holds(run, "BUY 10 XAUUSD"))
    with started(var, port) as (run, page):
        assert len(kept(var)["integrations"]) == 2, "an integration was requested once more"
        _press(page, "/signals", strategy=str(strategy), kind="CLOSE", **GOLD)
        eventually(lambda: _holds(run, ""))


def _press(page: httpx.Client, path: str, **form: str) -> None:
    answer = page.post(path, data=form)
    assert answer.status_code == 303, answer.text


def _holds(run: Run, expected: str) -> None:
    held = json.loads(run.cli("positions", "list", "--open", "--json"))
    assert " ".join(f"{each['direction']} {each['quantity']} {each['ticker']}" for each in held) == expected
