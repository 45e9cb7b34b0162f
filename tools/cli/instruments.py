"""`proquant-bridge instruments`: what an account can trade, as its broker listed it last, with the file's choices."""

import click

from shared.accounts import instrument_file, instrument_refresh
from shared.accounts.instrument_choices import ChosenInstruments
from shared.config import Config
from shared.database.engine import Sessions
from tools.cli.account_broker import broker_of
from tools.cli.environment import database, sessions_of, settings
from tools.cli.output import json_option, print_listing
from tools.operations.open_account import BrokerFault
from tools.views import listings


@click.group("instruments")
def command() -> None:
    """What an account can trade."""


@command.command("list")
@click.option("--account", required=True, metavar="NAME", help="The account.")
@json_option
def list_(account: str, as_json: bool) -> None:
    """List the instruments of an account, by ticker."""
    with database() as sessions, sessions.begin() as session:
        print_listing(listings.instruments(session, account), listings.INSTRUMENT, as_json)


@command.command("refresh")
@click.option("--account", required=True, metavar="NAME", help="The account.")
def refresh(account: str) -> None:
    """Ask the account's broker now what it lists, and store it with the choices of the instruments file."""
    with settings() as config, sessions_of(config) as sessions:
        chosen = _refresh(sessions, config, account)
    for warning in chosen.warnings:
        click.echo(f"Warning: {warning}.", err=True)
    click.echo(f"The account {account} can trade {len(chosen.instruments)} instruments.")


def _refresh(sessions: Sessions, config: Config, name: str) -> ChosenInstruments:
    from workers.brokers.base import BrokerError

    file = instrument_file.load(config.instruments_file)
    with broker_of(sessions, config, name) as (account, broker):
        try:
            return instrument_refresh.refresh(sessions, account, broker.instruments, file)
        except BrokerError as error:
            reason = getattr(error, "reason", error)
            raise BrokerFault(f"The broker of {name} does not list its instruments: {reason}") from error
