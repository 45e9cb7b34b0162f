"""`proquant-bridge orders`: what was asked of the brokers."""

import click

from shared.cli import queries
from shared.cli.environment import database
from shared.cli.options import account_option, limit_option, rows
from shared.cli.output import json_option, print_listing


@click.group("orders")
def command() -> None:
    """The orders that events have led to."""


@command.command("list")
@account_option
@limit_option
@json_option
def list_(account: str | None, limit: int | None, as_json: bool) -> None:
    """List the orders, the newest first."""
    with database() as sessions, sessions.begin() as session:
        print_listing(queries.orders(session, account, rows(limit, as_json)), queries.ORDER, as_json)
