"""`proquant-bridge integrations`: asks ProQuant to let a user send signals to an account."""

import click

from shared.accounts import integrations
from tools.cli.environment import database, sessions_of, settings
from tools.cli.options import account_option
from tools.cli.output import json_option, print_json, print_listing
from tools.operations import request_integration
from tools.operations.request_integration import DESCRIPTION, IntegrationOptions
from tools.views import listings


@click.group("integrations")
def command() -> None:
    """Ask ProQuant's users to connect their strategies to an account."""


@command.command("create")
@click.option("--account", required=True, metavar="NAME", help="The account that will execute the signals.")
@click.option("--user-email", required=True, metavar="EMAIL", help="What the user's ProQuant account was created with.")
@click.option("--name", help="The title that the user sees. Default: the account's name.")
@click.option("--description", default=DESCRIPTION, show_default=True, help="The subtitle that the user sees.")
@click.option("--image-url", help="The avatar that the user sees. Default: /logo.png below BRIDGE_PUBLIC_URL.")
@json_option
def create(
    account: str, user_email: str, name: str | None, description: str, image_url: str | None, as_json: bool
) -> None:
    """Ask ProQuant to show its user a request to integrate; the user approves it in the app.

    The integration gets a token of its own, beside those of the account that work already. Repeating the command is
    safe: what ProQuant has already is not sent again, and what it never answered is sent again as it was.
    """
    wanted = IntegrationOptions(account, user_email, name, description, image_url)
    with settings() as config, sessions_of(config) as sessions:
        created = request_integration.request_approval(sessions, config, wanted)
    if as_json:
        print_json(
            {
                "account": created.account,
                "user_email": created.user_email,
                "webhook_url": created.webhook_url,
                "integration": created.state,
                "asked": created.asked,
            }
        )
    elif created.asked:
        click.echo(f"ProQuant has the request: {user_email} can approve it in the app. Its signals go to {account}.")
    else:
        click.echo(f"ProQuant has the request already: it is {created.state}. Nothing was sent.")


@command.command("revoke")
@click.option("--account", required=True, metavar="NAME", help="The account that executes the signals.")
@click.option("--user-email", required=True, metavar="EMAIL", help="What the user's ProQuant account was created with.")
def revoke(account: str, user_email: str) -> None:
    """Take the token of a user's integration away: ProQuant's events are refused from now on.

    ProQuant does not hear of it. `integrations create` asks it anew, with another token.
    """
    with database() as sessions, sessions.begin() as session:
        integrations.revoke(session, account, user_email)
    click.echo(f"The token of {user_email} for the account {account} works no more.")


@command.command("list")
@account_option
@json_option
def list_(account: str | None, as_json: bool) -> None:
    """List the integrations: requested, approved, rejected or deleted, and when.

    A line without a user's e-mail is about the account's own token, which was handed to ProQuant by hand.
    """
    with database() as sessions, sessions.begin() as session:
        print_listing(listings.integrations(session, account), listings.INTEGRATION, as_json)
