"""`proquant-bridge events`: what ProQuant has sent, and the whole receipt of one event."""

import textwrap
from collections.abc import Iterator, Mapping

import click

from shared.domain import EventState
from tools.cli import prune, resolve
from tools.cli.environment import database
from tools.cli.options import LARGEST_ID, account_option, limit_option, rows
from tools.cli.output import json_option, print_json, print_listing, shown
from tools.operations.resolve_event import UnknownEventId
from tools.views import listings
from tools.views import receipt as receipts

NAME_WIDTH = 22
WIDTH = 100  # columns of a usual terminal
SINGULAR = {"deliveries": "delivery"}


@click.group("events")
def command() -> None:
    """The events that ProQuant has sent, and their receipts."""


command.add_command(resolve.command)
command.add_command(prune.command)


@command.command("list")
@account_option
@click.option("--state", type=click.Choice([state.value for state in EventState]), help="Only those in this state.")
@limit_option
@json_option
def list_(account: str | None, state: str | None, limit: int | None, as_json: bool) -> None:
    """List the events, the newest first."""
    with database() as sessions, sessions.begin() as session:
        print_listing(listings.events(session, account, state, rows(limit, as_json)), listings.EVENT, as_json)


@command.command("show")
@click.argument("event_id", metavar="ID", type=click.IntRange(1, LARGEST_ID))
@json_option
def show(event_id: int, as_json: bool) -> None:
    """Show the receipt of the event ID: its whole life, the answers to ProQuant, and who was told of what."""
    with database() as sessions, sessions.begin() as session:
        receipt = receipts.receipt(session, event_id)
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
        if name == "timeline" and isinstance(value, list):
            yield from ("", label, *map(_moment, value), "")
        elif isinstance(value, list):
            for number, part in enumerate(value, 1):
                yield f"{indent}{SINGULAR.get(label, label.removesuffix('s'))} {number}"
                yield from _lines(part, depth + 1)
        elif isinstance(value, Mapping):
            yield f"{indent}{label}"
            yield from _lines(value, depth + 1)
        elif value is not None:
            yield _line(f"{indent}{label:<{NAME_WIDTH}}", shown(value))


def _moment(entry: Mapping[str, object]) -> str:
    """A line of the story: the time in UTC, how long after the receipt, and what happened."""
    at, after, what = entry["at"], entry["after_ms"], shown(entry["what"])
    return _line(f"  {at:%H:%M:%S.%f}"[:-3] + f"  {after:>+12,.1f} ms  ", what)


def _line(start: str, text: str) -> str:
    """`text` after `start`, going on below itself where it would be too wide; a word is never cut."""
    wrapped = textwrap.wrap(text, max(20, WIDTH - len(start)), break_long_words=False, break_on_hyphens=False)
    return start + ("\n" + " " * len(start)).join(wrapped)
