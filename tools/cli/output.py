"""How a command answers: tables for people, JSON for programs. Both show the same fields."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

Record = Mapping[str, object]
PIPE_WIDTH = 400  # columns, where there is no terminal: nothing is cut

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else.")


def print_listing(records: Iterable[Record], fields: Sequence[str], as_json: bool) -> None:
    """A JSON array of objects, or a table; of each record these fields and no others."""
    chosen = [{field: record[field] for field in fields} for record in records]
    if as_json:
        print_json(chosen)
    else:
        print_table(chosen, fields)


def print_json(value: object) -> None:
    """The value as JSON: quantities as strings in plain decimal notation, times as ISO 8601 in UTC."""
    click.echo(json.dumps(value, default=plain, indent=2))


def print_table(records: Sequence[Record], fields: Sequence[str]) -> None:
    """One line a record; a cell that is too long for the terminal goes on below itself."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for field in fields:
        table.add_column(field.replace("_", " "), overflow="fold")
    for record in records:
        table.add_row(*(Text(shown(record[field])) for field in fields))
    console = Console(file=sys.stdout, width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)
    console.print(table if records else "There are none.")


def shown(value: object) -> str:
    """A value as a person reads it. What a sender chose must not steer the terminal: control characters are hidden."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        case Decimal():
            return format(value, "f")
        case _:
            return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in str(value))


def plain(value: object) -> str:
    """A quantity or a time as JSON has it. Raises TypeError for anything else that JSON has no form for."""
    match value:
        case Decimal():
            return format(value, "f")
        case datetime():
            return value.astimezone(UTC).isoformat()
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")
