"""Each table names its writers: whoever wants to know how a row came to be reads one file, or two."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture import code

TABLES = {
    node.name: ast.get_docstring(node) or ""
    for path in sorted((code.ROOT / "shared").glob("*tables.py"))
    for node in code.tree(path).body
    if isinstance(node, ast.ClassDef) and node.name != "Base"
}
THE_LEDGER_ALONE = ("OrderRow", "FillRow", "PositionRow")


def writers() -> dict[str, set[str]]:
    """By table: the files that insert, update or delete its rows, or make one."""
    found: dict[str, set[str]] = {table: set() for table in TABLES}
    for path in code.product():
        for called, call in code.calls(path):
            table = called if called in TABLES and call.keywords else _written(called, call)
            if table in found:
                found[table].add(code.name(path))
    return found


def _written(called: str, call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    if called in {"insert", "update", "delete"} and isinstance(first, ast.Name):
        return first.id
    return ""


@pytest.mark.parametrize("table", TABLES)
def test_whoever_writes_a_table_is_named_by_it(table: str) -> None:
    assert {Path(path).name for path in writers()[table]} <= set(re.findall(r"\w+\.py", TABLES[table]))


def test_events_are_inserted_by_the_inbox_and_moved_by_their_progress() -> None:
    found = {path for path in writers()["EventRow"] if not path.startswith("shared/cli")}
    assert found <= {"shared/inbox.py", "shared/progress.py", "shared/resolve.py"}
    assert found >= {"shared/inbox.py", "shared/progress.py"}


@pytest.mark.parametrize("table", THE_LEDGER_ALONE)
def test_orders_fills_and_positions_are_written_by_the_ledger_alone(table: str) -> None:
    assert writers()[table] == {"shared/ledger.py"}


def test_nobody_changes_a_loaded_row_but_its_writer() -> None:
    """The columns that tell a state: assigned as attributes only where the ledger moves an order or a position."""
    for path in code.product():
        if path.is_relative_to(code.ROOT / "workers" / "brokers"):
            continue  # the paper broker's own books
        assigned = {
            target.attr
            for node in ast.walk(code.tree(path))
            if isinstance(node, ast.Assign)
            for each in node.targets
            for target in (each.elts if isinstance(each, ast.Tuple) else [each])
            if isinstance(target, ast.Attribute)
        }
        if assigned & {"state", "filled_quantity", "in_flight_until", "next_attempt_at", "lease_until"}:
            assert code.name(path) == "shared/ledger.py"
