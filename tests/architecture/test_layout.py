"""Where things are, how large they are, and that each says what it is for."""

import ast
import re
import statistics
import subprocess
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.architecture import code

TOP_LEVEL = {
    ".ci",
    ".dockerignore",
    ".editorconfig",
    ".git-blame-ignore-revs",
    ".github",
    ".gitignore",
    ".pre-commit-config.yaml",
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
    "tools",
    "workers",
}
LONGEST, MEDIAN = 300, 100
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


def test_the_first_line_of_every_file_says_what_it_is_for() -> None:
    assert _named(path for path in _all() if not _says_what_it_is_for(path.read_text(), path)) == []


def test_no_file_is_too_long_to_be_read_at_once() -> None:
    assert _named(path for path in _all() if len(path.read_text().splitlines()) > LONGEST) == []


def test_most_files_of_the_product_are_short() -> None:
    assert statistics.median(len(path.read_text().splitlines()) for path in code.product()) < MEDIAN


def test_every_name_of_a_file_says_something() -> None:
    assert _named(path for path in _all() if VAGUE & {part.removesuffix(".py") for part in _parts(path)}) == []


def test_every_public_thing_says_what_it_is() -> None:
    written = [path for path in code.product() if not path.is_relative_to(code.MIGRATIONS)]
    assert written
    assert [f"{code.name(path)}: {thing}" for path in written for thing in _silent(code.tree(path))] == []


def test_nothing_is_left_to_be_done() -> None:
    left = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    assert _named(path for path in code.product() if left.search(path.read_text())) == []


def test_a_column_that_can_be_empty_or_changes_says_when() -> None:
    lines = [line for path in code.tables() for line in path.read_text().splitlines()]
    columns = [line.strip() for line in lines if re.match(r"    \w+: Mapped\[", line)]
    assert len(columns) > 80
    moving = [line for line in columns if "None]" in line or "server_default" in line]
    assert [line for line in moving if "  # " not in line and line.split(":")[0] not in SAID_BY_THEIR_NAME] == []


def test_warnings_are_errors() -> None:
    options = tomllib.loads((code.ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert options["filterwarnings"] == ["error"]
    assert "--strict-markers" in options["addopts"]


def test_every_package_of_the_wheel_says_that_it_has_types() -> None:
    data = tomllib.loads((code.ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert data["*"] == ["py.typed"]
    assert [package for package in code.PACKAGES if not (code.ROOT / package / "py.typed").is_file()] == []


def test_a_commit_is_checked_by_the_tools_of_make_lint() -> None:
    hooks = yaml.safe_load((code.ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (code.ROOT / "Makefile").read_text(), re.MULTILINE)
    assert recipe is not None
    linted = [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()]
    assert [hook["entry"] for hook in hooks] == linted


def _all() -> list[Path]:
    found = code.product() + code.tests()
    assert len(found) > 500  # a rule over no file would hold
    return found


def _named(paths: Iterable[Path]) -> list[str]:
    return [code.name(path) for path in paths]


def _parts(path: Path) -> tuple[str, ...]:
    return path.relative_to(code.ROOT).parts


def _says_what_it_is_for(source: str, path: Path) -> bool:
    if not source.strip() and path.name == "__init__.py":
        return True
    return source.startswith(('"""', 'r"""')) and bool(ast.get_docstring(ast.parse(source)))


def _silent(tree: ast.Module) -> Iterator[str]:
    """The public functions and classes of a module that have no docstring."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            is_base = isinstance(node, ast.ClassDef) and node.name.endswith("Base")
            if ast.get_docstring(node) is None and not is_base:
                yield node.name
