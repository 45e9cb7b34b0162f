"""`proquant-bridge integrations`: asks ProQuant to let a user send signals to an account."""

import json

import click

from shared import accounts
from shared.cli import queries
from shared.cli.environment import database, sessions_of, settings
from shared.cli.output import json_option, print_json, print_listing
from shared.cli.posting import check_url, post_json
from shared.config import Config
from shared.errors import BridgeError, ConfigurationError

WEBHOOK_PATH = "/webhooks/proquant"
TIMEOUT_SECONDS = 20.0
MOST_SHOWN = 200  # characters of an answer that says no


class RequestRefused(BridgeError):
    """ProQuant did not take the integration request."""


@click.group("integrations")
def command() -> None:
    """Ask ProQuant's users to connect their strategies to an account."""


@command.command("create")
@click.option("--account", required=True, metavar="NAME", help="The account that will execute the signals.")
@click.option("--user-email", required=True, metavar="EMAIL", help="What the user's ProQuant account was created with.")
@click.option("--name", help="The title that the user sees. Default: the account's name.")
@click.option("--description", default="ProQuant Bridge", show_default=True, help="The subtitle that the user sees.")
@click.option("--image-url", help="The avatar that the user sees. Default: /logo.png below BRIDGE_PUBLIC_URL.")
@json_option
def create(
    account: str, user_email: str, name: str | None, description: str, image_url: str | None, as_json: bool
) -> None:
    """Ask ProQuant to show its user a request to integrate; the user approves it in the app.

    The integration gets a token of its own, beside those of the account that work already.
    """
    with settings() as config, sessions_of(config) as sessions:
        public_url = _public_url(config)
        with sessions.begin() as session:  # committed before it is sent: ProQuant must not know what we do not
            token = accounts.add_token(session, account)
        request = {
            "name": name or account,
            "description": description,
            "imageUrl": image_url or f"{public_url}/logo.png",
            "userEmail": user_email,
            "webhook": {"url": public_url + WEBHOOK_PATH, "headers": {"Authorization": f"Bearer {token}"}},
        }
        _send(config.proquant_api_url, request)
    created = {"account": account, "user_email": user_email, "webhook_url": public_url + WEBHOOK_PATH}
    if as_json:
        print_json(created)
    else:
        click.echo(f"ProQuant has the request: {user_email} can approve it in the app. Its signals go to {account}.")


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List what the users have said about their integrations, by account."""
    with database() as sessions, sessions.begin() as session:
        print_listing(queries.integrations(session), queries.INTEGRATION, as_json)


def _public_url(config: Config) -> str:
    if not config.public_url:
        raise ConfigurationError("BRIDGE_PUBLIC_URL is not set: it says where ProQuant reaches the receiver.")
    check_url(config.public_url)
    return config.public_url.rstrip("/")


def _send(url: str, request: object) -> None:
    """Raises PostFailed, and RequestRefused for any answer but a success. What ProQuant answers is not specified."""
    answer = post_json(url, json.dumps(request).encode(), {}, TIMEOUT_SECONDS)
    if not 200 <= answer.status < 300:
        said = answer.body.decode(errors="replace")[:MOST_SHOWN]
        shown = "".join(char if char.isprintable() else " " for char in said).strip()
        raise RequestRefused(f"ProQuant answered {answer.status}: {shown or '(nothing)'}")
