"""Shows that the simulation bites: breaks a copy of the project in one way at a time and counts the worlds until found.

`python -m tests.simulation.mutants` from the project's folder; with names, only those.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

PROJECT = Path(__file__).resolve().parents[2]
PARTS = ("receiver", "workers", "shared", "tests", "pyproject.toml")
MOST_WORLDS = 3000


@dataclass(frozen=True, slots=True)
class Mutant:
    """One way to be wrong: texts to be replaced, by file; each must occur exactly once, or the mutant is outdated."""

    name: str
    edits: tuple[tuple[str, str, str], ...]


INTENT_LATE = """
        if heard.last is not None:
            intent = _intents.pop(getattr(getattr(heard.last, "order", None), "id", None), None)
            if intent is not None:
                session.execute(insert(OrderRow).values(intent))
            record_answer("""
INTENT_FORGOTTEN = """
        if isinstance(step, Place):
            row = session.execute(select(OrderRow.__table__).where(OrderRow.id == recorded.id)).mappings().one()
            _intents[recorded.id] = dict(row)
            session.execute(delete(OrderRow).where(OrderRow.id == recorded.id))
    order = recorded if isinstance(recorded, Order)"""

MUTANTS = (
    Mutant(
        "nobody checks the lease",
        (
            (
                "workers/lease.py",
                '*_OURS, _STRATEGY.c.lease_owner == bindparam("owner")',
                '_OURS[0], or_(_STRATEGY.c.fence >= 0, _OURS[1], _STRATEGY.c.lease_owner == bindparam("owner"))',
            ),
            (
                "workers/lease.py",
                "_FREE = or_(_STRATEGY.c.lease_until.is_(None)",
                "_FREE = or_(_STRATEGY.c.fence >= 0",
            ),
        ),
    ),
    Mutant(
        "writes do not check the fence",
        (
            (
                "workers/lease.py",
                '*_OURS, _STRATEGY.c.lease_owner == bindparam("owner")',
                '_OURS[0], or_(_STRATEGY.c.fence >= 0, _OURS[1], _STRATEGY.c.lease_owner == bindparam("owner"))',
            ),
        ),
    ),
    Mutant(
        "the intent is written after the submit",
        (
            (
                "workers/execution.py",
                "import structlog\n",
                "import structlog\nfrom sqlalchemy import delete, insert, select\nfrom shared.tables import OrderRow\n",
            ),
            ("workers/execution.py", "log = structlog.get_logger()\n", "log = structlog.get_logger()\n_intents = {}\n"),
            ("workers/execution.py", "\n        if heard.last is not None:\n            record_answer(", INTENT_LATE),
            ("workers/execution.py", "\n    order = recorded if isinstance(recorded, Order)", INTENT_FORGOTTEN),
        ),
    ),
    Mutant(
        "the look-up is skipped",
        (
            (
                "workers/conversation.py",
                "    try:\n        report = broker.find(",
                "    return Absent(order)\n    try:\n        report = broker.find(",
            ),
        ),
    ),
    Mutant(
        "a send is believed to end with the adapter's deadline",
        (("workers/execution.py", "heard.mark, now, seconds, bench", "heard.mark, now, deadline, bench"),),
    ),
    Mutant(
        "not found is believed at once",
        (("workers/conversation.py", "or asked_at < conclusive_from(order, limits)", ""),),
    ),
    Mutant(
        "events run in the order of arrival",
        (
            (
                "shared/progress.py",
                "EventRow.timestamp_ms, EventRow.seq)\n        .limit(1)",
                "EventRow.seq)\n        .limit(1)",
            ),
        ),
    ),
    Mutant(
        "a tombstone is ignored",
        (
            (
                "shared/assessment.py",
                "        superseded=row.superseded,",
                "        superseded=False,",
            ),
        ),
    ),
    Mutant(
        "nobody waits for what should have come before",
        (("workers/planning.py", "if now < until else None", "if False else None"),),
    ),
    Mutant(
        "a partly filled close counts as flat",
        (
            (
                "shared/ledger.py",
                'state=case((_LESS <= 0, "closed"), else_=_POSITION.c.state)',
                'state="closed"',
            ),
        ),
    ),
)


def main(names: list[str]) -> None:
    """Every mutant, or those whose name contains one of these words."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table("mutant", "worlds until found", "seed", "what was seen")
    for mutant in MUTANTS:
        if names and not any(name in mutant.name for name in names):
            continue
        console.print(f"playing worlds where {mutant.name} ...")
        table.add_row(mutant.name, *hunt(mutant))
    console.print(table)


def hunt(mutant: Mutant) -> tuple[str, str, str]:
    """How many worlds it took to find the mutant, the seed that did, and what was seen; `-` where none did."""
    with tempfile.TemporaryDirectory(prefix="pqb-mutant-") as folder:
        copy = Path(folder)
        _copy(copy)
        for file, old, new in mutant.edits:
            _edit(copy / file, old, new)
        found = _play(copy)
    first = found["first"]
    if first is None:
        return f"not in {found['worlds']}", "-", "-"
    return str(found["worlds"]), str(first["seed"]), first["violations"][0][:100]


def _copy(target: Path) -> None:
    target.chmod(0o755)
    for part in PARTS:
        source = PROJECT / part
        if source.is_dir():
            shutil.copytree(source, target / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target / part)


def _edit(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    if text.count(old) != 1:
        raise ValueError(f"{file.name} has {text.count(old)} times: {old!r}")
    file.write_text(text.replace(old, new))


def _play(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.simulation", "--seeds", str(MOST_WORLDS), "--until-failure", "--json"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if not done.stdout.startswith("{"):
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
