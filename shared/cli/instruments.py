"""`proquant-bridge instruments`: what an account can trade, as its broker listed it last."""

import click

from shared.cli import queries
from shared.cli.environment import database
from shared.cli.output import json_option, print_listing


@click.group("instruments")
def command() -> None:
    """What an account can trade."""


@command.command("list")
@click.option("--account", required=True, metavar="NAME", help="The account.")
@json_option
def list_(account: str, as_json: bool) -> None:
    """List the instruments of an account, by ticker."""
    with database() as sessions, sessions.begin() as session:
        print_listing(queries.instruments(session, account), queries.INSTRUMENT, as_json)
