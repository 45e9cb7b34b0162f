"""`proquant-bridge accounts`: whom we trade for, and the tokens by which ProQuant speaks for them."""

from collections.abc import Sequence
from decimal import Decimal

import click

from shared.accounts import accounts, instrument_file
from shared.accounts.orphan_policy import Policy
from tools.cli import account_summary
from tools.cli.environment import database, sessions_of, settings
from tools.cli.options import AccountName, DecimalNumber
from tools.cli.output import json_option, print_json, print_listing
from tools.cli.setting_options import setting_options, settings_of
from tools.operations import open_account
from tools.operations.open_account import Application, OpenedAccount
from tools.views import listings

MULTIPLIER = DecimalNumber(Decimal("0.000000001"), Decimal(1_000_000_000))


POLICY = click.Choice([policy.value for policy in Policy])


@click.group("accounts")
def command() -> None:
    """Create, list, pause and resume accounts, and rotate their tokens."""


@command.command("create")
@click.argument("name", type=AccountName())
@click.option("--broker", required=True, metavar="KIND", help="A known name, or a path package.module:factory.")
@setting_options
@click.option("--multiplier", type=MULTIPLIER, default="1", help="Our quantity for one unit of ProQuant's. Default: 1.")
@click.option("--on-deleted", type=POLICY, default="keep", help="See `accounts policy`. Default: keep.")
@click.option("--on-disabled", type=POLICY, default="keep", help="See `accounts policy`. Default: keep.")
@click.option("--live", is_flag=True, help="The account may trade real money, and that is meant.")
@click.option("--unchecked", is_flag=True, help="Do not ask the broker whether it takes these settings.")
@json_option
def create(
    name: str,
    broker: str,
    pairs: Sequence[str],
    files: Sequence[str],
    variables: Sequence[str],
    multiplier: Decimal,
    on_deleted: str,
    on_disabled: str,
    live: bool,
    unchecked: bool,
    as_json: bool,
) -> None:
    """Create the account NAME and print its token, which is shown only now.

    The broker is asked first, and what it says is printed. If it refuses the credentials, or cannot be reached,
    nothing is stored. With --json all but the token goes to standard error.
    """
    chosen, policies = settings_of(pairs, files, variables), (Policy(on_deleted), Policy(on_disabled))
    wanted = Application(name, broker, chosen, multiplier, *policies, live=live, checked=not unchecked)
    with settings() as config, sessions_of(config) as sessions:
        file = instrument_file.load(config.instruments_file)
        opened = open_account.open_account(sessions, wanted, config.secret_key, file)
    for warning in opened.warnings:
        click.echo(f"Warning: {warning}.", err=True)
    if told := account_summary.told(broker, opened.found, as_json):
        click.echo(told, err=as_json)
    _print_token(name, opened.token, as_json, _created(name, opened))


@command.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the accounts."""
    with database() as sessions, sessions.begin() as session:
        print_listing(listings.all_accounts(session), listings.ACCOUNT, as_json)


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


@command.command("policy")
@click.argument("name")
@click.option("--on-deleted", type=POLICY, help="When a user deletes or rejects the integration.")
@click.option("--on-disabled", type=POLICY, help="When a user disables the integration for a strategy.")
@json_option
def policy(name: str, on_deleted: str | None, on_disabled: str | None, as_json: bool) -> None:
    """Say or show what becomes of positions that no signal will close any more.

    keep leaves them open, tells of them, and lists them under `positions list --orphaned`. close closes them at the
    broker. A change holds for what happens from now on.
    """
    with database() as sessions, sessions.begin() as session:
        chosen = [None if word is None else Policy(word) for word in (on_deleted, on_disabled)]
        accounts.set_policy(session, name, *chosen)
        account = accounts.named(session, name)
    if as_json:
        print_json({"account": name, "on_deleted": account.on_deleted, "on_disabled": account.on_disabled})
    else:
        click.echo(f"The account {name}: {account.on_deleted} when deleted, {account.on_disabled} when disabled.")


@command.command("rotate-token")
@click.argument("name")
@json_option
def rotate_token(name: str, as_json: bool) -> None:
    """Print a new token for the account NAME; every older one stops working at once."""
    with database() as sessions, sessions.begin() as session:
        token = accounts.rotate_token(session, name)
    _print_token(name, token, as_json, f"The older tokens of the account {name} no longer work.")


def _set_paused(name: str, paused: bool) -> None:
    with database() as sessions, sessions.begin() as session:
        accounts.set_paused(session, name, paused)


def _created(name: str, opened: OpenedAccount) -> str:
    tradable = "" if opened.found is None else f" with {opened.instruments} instruments"
    return f"Created the account {name}{tradable}."


def _print_token(name: str, token: str, as_json: bool, what: str) -> None:
    if as_json:
        print_json({"account": name, "token": token})
    else:
        click.echo(f"{what}\nIts token, shown only now: {token}")
