"""`proquant-bridge events`: what ProQuant has sent, the whole receipt of one event, and its resolution."""

from collections.abc import Iterator, Mapping

import click

from shared.cli import queries, resolution
from shared.cli.environment import database
from shared.cli.options import LARGEST_ID, account_option, limit_option, rows
from shared.cli.output import json_option, print_json, print_listing, shown
from shared.domain import EventState
from shared.resolve import UnknownEventId

NAME_WIDTH = 22


@click.group("events")
def command() -> None:
    """The events that ProQuant has sent, and their receipts."""


command.add_command(resolution.command)


@command.command("list")
@account_option
@click.option("--state", type=click.Choice([state.value for state in EventState]), help="Only those in this state.")
@limit_option
@json_option
def list_(account: str | None, state: str | None, limit: int | None, as_json: bool) -> None:
    """List the events, the newest first."""
    with database() as sessions, sessions.begin() as session:
        print_listing(queries.events(session, account, state, rows(limit, as_json)), queries.EVENT, as_json)


@command.command("show")
@click.argument("event_id", metavar="ID", type=click.IntRange(1, LARGEST_ID))
@json_option
def show(event_id: int, as_json: bool) -> None:
    """Show the receipt of the event ID: the event, its orders and fills, its positions, its alerts, its resolutions."""
    with database() as sessions, sessions.begin() as session:
        receipt = queries.receipt(session, event_id)
    if receipt is None:
        raise UnknownEventId(f"There is no event {event_id}; `proquant-bridge events list` shows those there are.")
    if as_json:
        print_json(receipt)
    else:
        click.echo("\n".join(_lines(receipt, 0)))


def _lines(record: Mapping[str, object], depth: int) -> Iterator[str]:
    """The record as `name value` lines, what it contains below it and further in; what is empty is left out."""
    indent = "  " * depth
    for name, value in record.items():
        label = name.replace("_", " ")
        if isinstance(value, list):
            for number, part in enumerate(value, 1):
                yield f"{indent}{label.removesuffix('s')} {number}"
                yield from _lines(part, depth + 1)
        elif value is not None:
            yield f"{indent}{label:<{NAME_WIDTH}}{shown(value)}"
