"""`proquant-bridge positions`: what the ledger says that strategies hold."""

import click

from shared.cli import queries
from shared.cli.environment import database
from shared.cli.options import account_option, limit_option, rows
from shared.cli.output import json_option, print_listing


@click.group("positions")
def command() -> None:
    """What each strategy holds, and held."""


@command.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only those that are open.")
@account_option
@limit_option
@json_option
def list_(only_open: bool, account: str | None, limit: int | None, as_json: bool) -> None:
    """List the positions, the newest first."""
    with database() as sessions, sessions.begin() as session:
        found = queries.positions(session, account, only_open, rows(limit, as_json))
        print_listing(found, queries.POSITION, as_json)
