"""Each table names its writers: whoever wants to know how a row came to be reads one file, or two."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture import code

TABLES = {
    node.name: ast.get_docstring(node) or ""
    for path in code.tables()
    for node in code.tree(path).body
    if isinstance(node, ast.ClassDef) and node.name != "Base"
}
THE_LEDGER_ALONE = ("OrderRow", "FillRow", "PositionRow")
FORGETS = "shared/inbox/retention.py"
OF_AN_EVENT = {"EventRow", *THE_LEDGER_ALONE, "Alert", "DeliveryRow", "AnswerRow", "Resolution"}


NAMES = {
    str(target.value.value): node.name
    for path in code.tables()
    for node in code.tree(path).body
    if isinstance(node, ast.ClassDef)
    for target in node.body
    if isinstance(target, ast.Assign)
    and isinstance(target.value, ast.Constant)
    and isinstance(target.targets[0], ast.Name)
    and target.targets[0].id == "__tablename__"
}
"""The class of each table, by its name in SQL."""


def writers() -> dict[str, set[str]]:
    """By table: the files that insert, update or delete its rows, or make one."""
    found: dict[str, set[str]] = {table: set() for table in TABLES}
    for path in code.product():
        if "migrations" in path.parts:
            continue
        aliases = _aliases(path)
        for called, call in code.calls(path):
            table = called if called in TABLES and call.keywords else _written(called, call, aliases)
            if table in found:
                found[table].add(code.name(path))
        for table in _spelled(path):
            found[table].add(code.name(path))
    return found


def _written(called: str, call: ast.Call, aliases: dict[str, str]) -> str:
    first = call.args[0] if call.args else None
    if called in {"insert", "update", "delete"} and isinstance(first, ast.Name):
        return aliases.get(first.id, first.id)
    return ""


def _aliases(path: Path) -> dict[str, str]:
    """`_ORDER = table_of(OrderRow)`, one or several at once: which class a name of this file stands for."""
    found: dict[str, str] = {}
    for node in code.tree(path).body:
        if isinstance(node, ast.Assign):
            names = _elements(node.targets[0])
            for name, value in zip(names, _elements(node.value), strict=False):
                if isinstance(name, ast.Name) and isinstance(value, ast.Call) and _is_table_of(value):
                    found[name.id] = ast.unparse(value.args[0])
    return found


def _elements(node: ast.expr) -> list[ast.expr]:
    return node.elts if isinstance(node, ast.Tuple) else [node]


def _is_table_of(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "table_of"


def _spelled(path: Path) -> set[str]:
    """Tables that SQL in words writes."""
    words = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM)\s+(\w+)")
    texts = [n.value for n in ast.walk(code.tree(path)) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return {NAMES[name] for text in texts for name in words.findall(text) if name in NAMES}


@pytest.mark.parametrize("table", TABLES)
def test_whoever_writes_a_table_is_named_by_it(table: str) -> None:
    named = set(re.findall(r"\w+\.py", TABLES[table]))
    assert {Path(path).name for path in writers()[table] - {FORGETS}} <= named


def test_one_file_alone_forgets_events_and_what_belongs_to_them() -> None:
    assert {table for table, files in writers().items() if FORGETS in files} == OF_AN_EVENT
    assert not {called for called, _ in code.calls(code.ROOT / FORGETS)} & {"insert", "update", "add"}


def test_events_are_inserted_by_the_inbox_and_moved_by_their_progress() -> None:
    found = {path for path in writers()["EventRow"] if not path.startswith("tools/cli")}
    others = {"shared/inbox/refusals.py", "tools/operations/resolve_event.py", FORGETS}
    assert found <= {"shared/inbox/store.py", "shared/inbox/store_batch.py", "shared/inbox/states.py"} | others
    assert found >= {"shared/inbox/store.py", "shared/inbox/store_batch.py", "shared/inbox/states.py"}


LEDGER = ("orders", "full_fill", "settlements")


@pytest.mark.parametrize("table", THE_LEDGER_ALONE)
def test_orders_fills_and_positions_are_written_by_the_ledger_alone(table: str) -> None:
    intents = {"shared/ledger/intents.py"} if table == "OrderRow" else set()
    assert writers()[table] == {f"shared/ledger/{each}.py" for each in LEDGER} | {FORGETS} | intents


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
            assert code.name(path) == "shared/ledger/orders.py"
