"""Where things are, how large they are, and that each says what it is for."""

import ast
import re
import statistics
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.architecture import code

TOP_LEVEL = {
    ".ci",
    ".dockerignore",
    ".github",
    ".gitignore",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "NOTICE",
    "Procfile",
    "README.md",
    "SECURITY.md",
    "docker-compose.yml",
    "docs",
    "pyproject.toml",
    "receiver",
    "requirements-production.lock",
    "requirements.lock",
    "shared",
    "tests",
    "workers",
}
LONGEST, MEDIAN = 300, 100
PRODUCT = [pytest.param(path, id=code.name(path)) for path in code.product()]
ALL = [pytest.param(path, id=code.name(path)) for path in code.product() + code.tests()]
TABLES = code.ROOT / "shared" / "tables.py"
SAID_BY_THEIR_NAME = {
    *("created_at", "updated_at", "received_at", "opened_at", "at", "seen_at", "first_seen_at"),
    *("maximum", "direction", "ticker", "broker_order_id", "average_price", "account_id", "event_id", "owner", "until"),
}
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base_classes"}


def test_the_top_level_holds_only_what_is_agreed() -> None:
    listed = subprocess.run(
        ["git", "ls-files"], cwd=code.ROOT, capture_output=True, text=True, check=False
    ).stdout.splitlines()
    if not listed:
        pytest.skip("These files are no git checkout.")
    assert {path.split("/")[0] for path in listed} <= TOP_LEVEL


@pytest.mark.parametrize("path", ALL)
def test_the_first_line_says_what_a_file_is_for(path: Path) -> None:
    source = path.read_text()
    docstring = ast.get_docstring(ast.parse(source))
    if not source.strip() and path.name == "__init__.py":
        return
    assert docstring
    assert source.startswith(('"""', 'r"""'))


@pytest.mark.parametrize("path", ALL)
def test_no_file_is_too_long_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def test_most_files_of_the_product_are_short() -> None:
    assert statistics.median(len(path.read_text().splitlines()) for path in code.product()) < MEDIAN


@pytest.mark.parametrize("path", ALL)
def test_names_say_something(path: Path) -> None:
    assert not VAGUE & {part.removesuffix(".py") for part in path.relative_to(code.ROOT).parts}


@pytest.mark.parametrize("path", PRODUCT)
def test_public_things_say_what_they_are(path: Path) -> None:
    if path.is_relative_to(code.MIGRATIONS):
        return
    silent = [
        node.name
        for node in code.tree(path).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and ast.get_docstring(node) is None
        and not (isinstance(node, ast.ClassDef) and node.name.endswith("Base"))
    ]
    assert silent == []


@pytest.mark.parametrize("path", PRODUCT)
def test_nothing_is_left_to_be_done(path: Path) -> None:
    assert not re.search(r"\b(TODO|FIXME|XXX|NotImplementedError)\b", path.read_text())


def test_a_column_that_can_be_empty_or_changes_says_when() -> None:
    columns = [line.strip() for line in TABLES.read_text().splitlines() if re.match(r"    \w+: Mapped\[", line)]
    assert len(columns) > 80
    moving = [line for line in columns if "None]" in line or "server_default" in line]
    assert [line for line in moving if "  # " not in line and line.split(":")[0] not in SAID_BY_THEIR_NAME] == []


def test_warnings_are_errors() -> None:
    options = tomllib.loads((code.ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert options["filterwarnings"] == ["error"]
    assert "--strict-markers" in options["addopts"]
