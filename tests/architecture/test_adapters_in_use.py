"""A worker imports the adapters of its accounts, and no other: each costs memory in every worker process."""

import json
import os
import subprocess
import sys

import pytest

from tests.architecture import code
from tests.contract.bench import SETUPS
from workers.brokers.registry import BUILT_IN

PACKAGES = {kind: path.partition(":")[0].rpartition(".")[0] for kind, path in BUILT_IN.items()}
SETTINGS: dict[str, dict[str, str]] = {
    "alpaca": {"key_id": "k", "secret_key": "s"},
    "binance": {"api_key": "k", "api_secret": "s"},
    "http": {"base_url": "http://127.0.0.1:1", "token": "t"},
    "oanda": {"token": "t", "account_id": "101-004-1-001"},
    "paper": {"database_url": "postgresql://nobody@127.0.0.1:1/nowhere"},
}
EXTRA = {"ccxt"}  # not in the lock file, so that it is not installed here
MAKE = """
import json, sys
import workers.app, workers.tasks
from workers.brokers.registry import make_broker
kind = sys.argv[1]
if kind:
    make_broker(kind, json.loads(sys.argv[2]), "alice").close()
print(json.dumps(sorted(sys.modules)))
"""


def imported(kind: str, settings: dict[str, str]) -> set[str]:
    """The modules of a process that has all of a worker's code, and has made this adapter."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(code.ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", MAKE, kind, json.dumps(settings)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def adapters(modules: set[str]) -> set[str]:
    """The kinds whose factory is imported."""
    return {kind for kind, path in BUILT_IN.items() if path.partition(":")[0] in modules}


def test_every_built_in_adapter_is_tried_here_and_by_the_conformance_suite_and_has_a_page() -> None:
    assert set(SETTINGS) | EXTRA == set(SETUPS) | EXTRA == set(BUILT_IN)
    pages = [code.ROOT / "docs" / "brokers" / f"{kind}.md" for kind in BUILT_IN]
    assert [page.name for page in pages if not page.is_file()] == []


def test_a_worker_without_an_account_has_no_adapter() -> None:
    modules = imported("", {})
    assert "workers.execution.run" in modules
    assert adapters(modules) == set()
    assert not modules & {"ccxt", "httpx", *PACKAGES.values()}


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_worker_has_the_adapter_that_it_uses_and_no_other(kind: str) -> None:
    modules = imported(kind, SETTINGS[kind])
    assert adapters(modules) == {kind}
    assert {other for other, package in PACKAGES.items() if package in modules} == {kind}
    assert "ccxt" not in modules
