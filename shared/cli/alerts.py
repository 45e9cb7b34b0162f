"""`proquant-bridge alerts`: what a person should know."""

import click

from shared.cli import queries
from shared.cli.environment import database
from shared.cli.options import limit_option, rows
from shared.cli.output import json_option, print_listing


@click.group("alerts")
def command() -> None:
    """What a person should know."""


@command.command("list")
@limit_option
@json_option
def list_(limit: int | None, as_json: bool) -> None:
    """List the alerts, the newest first."""
    with database() as sessions, sessions.begin() as session:
        print_listing(queries.alerts(session, rows(limit, as_json)), queries.ALERT, as_json)
