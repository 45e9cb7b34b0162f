"""`proquant-bridge alerts`: what a person should know, who was told of it, and whether a channel works."""

import os
from typing import Any

import click

from shared.alerts import channel as channels
from shared.alerts import file
from shared.alerts.channel import MessageNotSent
from shared.alerts.message import TEST
from shared.errors import BridgeError
from tools.cli.environment import database, settings
from tools.cli.options import limit_option, rows
from tools.cli.output import json_option, print_listing
from tools.views import listings


class ChannelFailed(BridgeError):
    """A test message did not come through."""


@click.group("alerts")
def command() -> None:
    """What a person should know."""


@command.command("list")
@limit_option
@json_option
def list_(limit: int | None, as_json: bool) -> None:
    """List the alerts, the newest first, with the channels that each was told to."""
    with database() as sessions, sessions.begin() as session:
        found = listings.alerts(session, rows(limit, as_json))
    if as_json:
        print_listing(found, (*listings.ALERT, "deliveries"), as_json)
    else:
        print_listing([{**alert, "told": _told(alert)} for alert in found], (*listings.ALERT, "told"), as_json)


@command.command("test")
@click.option("--channel", "name", metavar="NAME", required=True, help="As the notifications file names it.")
def test(name: str) -> None:
    """Send a test message to one channel of BRIDGE_NOTIFICATIONS_FILE, now, and say whether it was taken."""
    with settings() as config:
        known = file.load(config.notifications_file, os.environ).channels
    if name not in known:
        names = ", ".join(known) or "none; set BRIDGE_NOTIFICATIONS_FILE"
        raise ChannelFailed(f"There is no channel {name!r}; there are: {names}.")
    try:
        channels.send(known[name].url, TEST)
    except MessageNotSent as problem:
        raise ChannelFailed(f"{name} has not taken the message. {problem}") from None  # the cause may show the URL
    click.echo(f"{name} has taken the message; see that it has arrived.")


def _told(alert: dict[str, Any]) -> str:
    """Each channel and how its delivery stands, in short."""
    return "; ".join(
        f"{each['channel']} {each['state']}" + (f" ({each['reason']})" if each["reason"] else "")
        for each in alert["deliveries"]
    )
