"""`proquant-bridge positions`: what the ledger says that strategies hold."""

import click

from tools.cli import settle
from tools.cli.environment import database
from tools.cli.options import account_option, limit_option, rows
from tools.cli.output import json_option, print_listing
from tools.views import listings


@click.group("positions")
def command() -> None:
    """What each strategy holds, and held."""


command.add_command(settle.command)


@command.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only those that are open.")
@click.option("--orphaned", is_flag=True, help="Only those that no signal will close any more.")
@account_option
@limit_option
@json_option
def list_(only_open: bool, orphaned: bool, account: str | None, limit: int | None, as_json: bool) -> None:
    """List the positions, the newest first.

    Orphaned are those that are open while their integration was ended or their strategy is disabled.
    """
    with database() as sessions, sessions.begin() as session:
        found = listings.positions(session, account, only_open, rows(limit, as_json), only_orphaned=orphaned)
        print_listing(found, listings.POSITION, as_json)
