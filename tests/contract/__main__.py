"""Runs the conformance suite and shows how each adapter did: `python -m tests.contract [ADAPTER]...`.

An adapter that is not of this repository is named with its bench: NAME=package.module:Bench.
"""

import json
import sys
from collections import Counter
from contextlib import redirect_stdout
from dataclasses import asdict
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest
from rich import box
from rich.console import Console
from rich.table import Table

from tests.contract.bench import SETUPS, VARIANTS
from tests.contract.scoreboard import FAILED, PASSED, SKIPPED, Scoreboard

HERE = Path(__file__).parent


@click.command()
@click.argument("adapters", nargs=-1, metavar="[ADAPTER]...")
@click.option("--json", "as_json", is_flag=True, help="Print every try as JSON in place of the tables.")
def main(adapters: tuple[str, ...], as_json: bool) -> None:
    """Tries every case on every adapter, or on those named; exits with 1 where one failed or there was none."""
    board = Scoreboard(frozenset(_known(adapter) for adapter in adapters))
    with redirect_stdout(sys.stderr if as_json else sys.stdout):  # what pytest says of its progress
        code = pytest.main([str(HERE), "--quiet", "--no-header", "--no-summary"], plugins=[board])
    if as_json:
        print(json.dumps([asdict(line) for line in board.lines], indent=2))  # noqa: T201  # the output of the command
    else:
        _show(board)
    sys.exit(int(code != pytest.ExitCode.OK))


def _known(adapter: str) -> str:
    """The name of an adapter; NAME=package.module:Bench is added to the suite before pytest reads it."""
    name, equals, path = adapter.partition("=")
    if equals:
        SETUPS[name] = EntryPoint(name, path, "").load()
    elif name not in SETUPS | VARIANTS:
        raise click.UsageError(f"There is no adapter {name!r}. Known are {', '.join(SETUPS | VARIANTS)}.")
    return name


def _show(board: Scoreboard) -> None:
    console = Console(highlight=False)
    console.print(_summary(board.counted()))
    console.print(_unusual(board))


def _summary(counted: dict[str, Counter[str]]) -> Table:
    table = Table(title="Conformance", box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("adapter", "cases", PASSED, SKIPPED, FAILED):
        table.add_column(column, justify="left" if column == "adapter" else "right")
    for adapter, count in counted.items():
        table.add_row(adapter, *map(str, (count.total(), count[PASSED], count[SKIPPED], count[FAILED])))
    return table


def _unusual(board: Scoreboard) -> Table:
    """Each case that was not simply passed, and why: a declared capability, what cannot be staged, or a failure."""
    table = Table(title="Skipped and failed", box=box.SIMPLE_HEAD, title_justify="left")
    for column in ("adapter", "case", "tries", "outcome", "why"):
        table.add_column(column, overflow="fold")
    lines = Counter((each.adapter, each.case, each.outcome, each.reason) for each in board.lines)
    for (adapter, case, outcome, reason), tries in lines.items():
        if outcome != PASSED:
            table.add_row(adapter, case.partition(" ")[0], str(tries), outcome, reason)
    return table


if __name__ == "__main__":
    main()
