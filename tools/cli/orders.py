"""`proquant-bridge orders`: what was asked of the brokers."""

import click

from tools.cli.environment import database
from tools.cli.options import account_option, limit_option, rows
from tools.cli.output import json_option, print_listing
from tools.views import listings


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
        print_listing(listings.orders(session, account, rows(limit, as_json)), listings.ORDER, as_json)
