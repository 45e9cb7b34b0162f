"""`proquant-bridge accounts`: whom we trade for, and the tokens by which ProQuant speaks for them."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import click

from shared import accounts, instruments
from shared.cli import queries
from shared.cli.environment import database, sessions_of, settings
from shared.cli.options import AccountName, DecimalNumber
from shared.cli.output import json_option, print_json, print_listing
from shared.domain import Instrument
from shared.errors import BridgeError

MULTIPLIER = DecimalNumber(Decimal("0.000000001"), Decimal(1_000_000_000))


class BrokerFault(BridgeError):
    """The broker did not say what the account can trade; no account was created."""


@click.group("accounts")
def command() -> None:
    """Create, list, pause and resume accounts, and rotate their tokens."""


@command.command("create")
@click.argument("name", type=AccountName())
@click.option("--broker", required=True, metavar="KIND", help="A known name, or a path package.module:factory.")
@click.option("--setting", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting of the broker; repeatable.")
@click.option("--multiplier", type=MULTIPLIER, default="1", help="Our quantity for one unit of ProQuant's. Default: 1.")
@json_option
def create(name: str, broker: str, pairs: Sequence[str], multiplier: Decimal, as_json: bool) -> None:
    """Create the account NAME and print its token, which is shown only now."""
    chosen = _settings(pairs)
    with settings() as config, sessions_of(config) as sessions:
        listed = _instruments(broker, chosen, name)
        with sessions.begin() as session:
            account, token = accounts.create(session, name, broker, chosen, multiplier, config.secret_key)
            instruments.replace(session, account, listed)
    _print_token(name, token, as_json, f"Created the account {name} with {len(listed)} instruments.")


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the accounts."""
    with database() as sessions, sessions.begin() as session:
        print_listing(queries.all_accounts(session), queries.ACCOUNT, as_json)


@command.command("pause")
@click.argument("name")
def pause(name: str) -> None:
    """Pause the account NAME: it opens nothing from now on, and still closes."""
    _set_paused(name, True)
    click.echo(f"The account {name} is paused: it opens nothing, and still closes.")


@command.command("resume")
@click.argument("name")
def resume(name: str) -> None:
    """Let the account NAME open positions again."""
    _set_paused(name, False)
    click.echo(f"The account {name} is open for signals.")


@command.command("rotate-token")
@click.argument("name")
@json_option
def rotate_token(name: str, as_json: bool) -> None:
    """Print a new token for the account NAME; every older one stops working at once."""
    with database() as sessions, sessions.begin() as session:
        token = accounts.rotate_token(session, name)
    _print_token(name, token, as_json, f"The older tokens of the account {name} no longer work.")


def _settings(pairs: Sequence[str]) -> Mapping[str, str]:
    """Raises BadParameter that never shows a value: it may be a secret."""
    chosen: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise click.BadParameter("each must have the form KEY=VALUE.", param_hint="--setting")
        if key in chosen:
            raise click.BadParameter(f"{key} is given twice.", param_hint="--setting")
        chosen[key] = value
    return chosen


def _instruments(kind: str, chosen: Mapping[str, str], name: str) -> Sequence[Instrument]:
    """What the broker lists for the account; asked before any transaction begins, since it may take a while."""
    from workers.brokers.base import BrokerError
    from workers.brokers.registry import make_broker

    broker = make_broker(kind, chosen, name)
    try:
        return broker.instruments()
    except BrokerError as error:
        raise BrokerFault(
            f"The broker {kind} does not list its instruments: {getattr(error, 'reason', error)}"
        ) from error
    finally:
        broker.close()


def _set_paused(name: str, paused: bool) -> None:
    with database() as sessions, sessions.begin() as session:
        accounts.set_paused(session, name, paused)


def _print_token(name: str, token: str, as_json: bool, what: str) -> None:
    if as_json:
        print_json({"account": name, "token": token})
    else:
        click.echo(f"{what}\nIts token, shown only now: {token}")
