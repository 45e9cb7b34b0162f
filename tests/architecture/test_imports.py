"""Who may know whom, and that importing the product does nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture import code

# The only modules that build anything when they are imported.
BUILDERS = {"receiver.main", "receiver.management.main", "workers.main"}
NEEDS_A_CALLER = {"shared.migrations.env"}  # Alembic runs it
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


@pytest.mark.parametrize("path", [pytest.param(path, id=code.name(path)) for path in code.tests()])
def test_tests_use_fakes_and_not_mocks(path: Path) -> None:
    assert not {name for name in code.imports(path) if name.startswith(("unittest", "mock"))}


@pytest.mark.parametrize("path", [pytest.param(path, id=code.name(path)) for path in code.product()])
def test_the_product_does_not_know_its_tests(path: Path) -> None:
    assert not {name for name in code.imports(path) if name == "tests" or name.startswith("tests.")}


def test_an_adapter_does_not_know_the_bridges_books() -> None:
    books = {"shared.tables", "shared.inbox", "shared.ledger", "shared.progress", "shared.assessment"}
    adapters = sorted((code.ROOT / "workers" / "brokers").rglob("*.py"))
    assert adapters
    assert {
        code.name(path): sorted(books & code.imports(path)) for path in adapters if books & code.imports(path)
    } == {}


def test_the_arrows_between_packages_are_kept() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run(
        [linter, "--no-cache"], cwd=code.ROOT, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout
    assert " 0 broken" in done.stdout
