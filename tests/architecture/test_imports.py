"""Who may know whom, and that importing the product does nothing."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.architecture import code

# The only modules that build anything when they are imported.
BUILDERS = {"receiver.main", "tools.management.main", "workers.main"}
NEEDS_A_CALLER = {"shared.database.migrations.env"}  # Alembic runs it
MAKES_ADAPTERS = "workers/brokers/account_brokers.py"  # of an account's row
WRITERS = ("full_fill", "intents", "orders")  # of the ledger
WATCH = """
import importlib, pkgutil, socket, sys, threading
def refuse(*_, **__):
    raise AssertionError("A connection was made at import.")
threads = threading.active_count()
socket.socket.connect = refuse
for name in sys.argv[1:]:
    importlib.import_module(name)
    assert threading.active_count() == threads, f"{name} started a thread."
print(len(sys.argv) - 1)
"""


def test_importing_the_product_needs_no_setting_connects_to_nothing_and_starts_no_thread() -> None:
    """As packages in one process: what one module does, the message names."""
    names = [
        name
        for name in map(code.module, code.product())
        if name not in BUILDERS | NEEDS_A_CALLER and not name.endswith("__main__") and ".versions" not in name
    ]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(code.ROOT)}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", WATCH, *names],
        cwd=code.ROOT / "docs",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, str(len(names))), done.stderr


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_a_process_without_settings_says_so_and_does_not_start(name: str) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(code.ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", f"import {name}"],
        cwd=code.ROOT / "docs",
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "DATABASE_URL" in done.stderr


def test_tests_use_fakes_and_not_mocks() -> None:
    assert _importers(code.tests(), ("unittest", "mock")) == []


def test_the_product_does_not_know_its_tests() -> None:
    assert _importers(code.product(), ("tests",)) == []


def test_an_adapter_does_not_know_the_bridges_books() -> None:
    books = (
        "shared.database.tables",
        "shared.inbox",
        "shared.situation",
        *(f"shared.ledger.{part}" for part in WRITERS),
    )
    everything = sorted((code.ROOT / "workers" / "brokers").rglob("*.py"))
    adapters = [path for path in everything if code.name(path) != MAKES_ADAPTERS]
    assert len(adapters) == len(everything) - 1
    assert _importers(adapters, books) == []


def test_the_arrows_between_packages_are_kept() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [linter, "--no-cache"], cwd=code.ROOT, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout


def _importers(paths: Sequence[Path], packages: tuple[str, ...]) -> list[str]:
    """Who of these imports one of these packages, or anything of it, and what."""
    assert paths
    return [f"{code.name(path)}: {name}" for path in paths for name in code.imports(path) if _is_in(name, packages)]


def _is_in(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)
