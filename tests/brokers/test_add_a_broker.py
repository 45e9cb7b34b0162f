"""The example of docs/brokers/add-a-broker.md does what the page says: it passes the suite, and the check."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.runner import BRIDGE

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "brokers" / "add-a-broker.md").read_text()
FILE = re.compile(r"Save it as `(\w+\.py)`:\n\n```python\n(.*?)```", re.DOTALL)
ONCE_ONLY = (
    "        if order.client_order_id in book.orders:\n            return book.orders[order.client_order_id][0]\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files of the page."""
    files = dict(FILE.findall(PAGE))
    assert set(files) == {"acme.py", "acme_bench.py"}
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def tried(folder: Path) -> tuple[int, dict[str, set[str]]]:
    """The exit code of the suite, and the cases by how they ended."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.contract", "acme=acme_bench:AcmeBench", "--json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{folder}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    outcomes: dict[str, set[str]] = {}
    for line in json.loads(done.stdout):
        outcomes.setdefault(line["outcome"], set()).add(line["case"].partition(" ")[0])
    return done.returncode, outcomes


def test_the_example_passes_the_suite(folder: Path) -> None:
    code, outcomes = tried(folder)
    assert (code, outcomes.get("failed", set())) == (0, set())
    assert len(outcomes["passed"]) > 35
    assert {"BC-024", "BC-043", "BC-046", "BC-060", "BC-078"} <= outcomes["passed"]


def test_an_example_that_forgets_its_orders_fails_the_suite(folder: Path) -> None:
    adapter = folder / "acme.py"
    assert ONCE_ONLY in adapter.read_text()
    adapter.write_text(adapter.read_text().replace(ONCE_ONLY, ""))
    code, outcomes = tried(folder)
    assert code == 1
    assert {"BC-014", "BC-061"} <= outcomes["failed"]


def test_the_example_passes_the_check(folder: Path) -> None:
    done = subprocess.run(
        [BRIDGE, "broker", "check", "--kind", "acme:make", "--setting", "key=k", "--trade", "GOLD", "--live", "--yes"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CK-28" in done.stdout
    assert "failed" not in done.stdout
