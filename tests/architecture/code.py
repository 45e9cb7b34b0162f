"""The project's own source, as the architecture tests read it."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("receiver", "workers", "shared", "tools")
MIGRATIONS = ROOT / "shared" / "database" / "migrations"


def product() -> list[Path]:
    """Every Python file that runs in production or in `make run`."""
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def tests() -> list[Path]:
    """Every Python file of the tests."""
    return sorted((ROOT / "tests").rglob("*.py"))


def tables() -> list[Path]:
    """Every file that defines tables, but for those of the paper broker."""
    found = sorted((ROOT / "shared" / "database" / "tables").glob("*.py"))
    assert found
    return found


def name(path: Path) -> str:
    """The path as a reader knows it."""
    return path.relative_to(ROOT).as_posix()


def module(path: Path) -> str:
    """The name under which it is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def tree(path: Path) -> ast.Module:
    """The parsed file."""
    return ast.parse(path.read_text(), name(path))


def imports(path: Path) -> set[str]:
    """Every module that the file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    """Every call in the file, with the last word of what is called."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Name | ast.Attribute):
                yield called.id if isinstance(called, ast.Name) else called.attr, node
