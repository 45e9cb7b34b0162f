"""`proquant-bridge broker`: tries an account's broker against the contract, and serves the paper broker to others."""

import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from shared.accounts import accounts, vault
from shared.domain import ClientOrderId
from tools.cli.environment import sessions_of, settings
from tools.cli.options import AccountName
from tools.cli.output import json_option, print_listing
from tools.cli.setting_options import setting_options, settings_of

if TYPE_CHECKING:
    from workers.brokers.base import Broker
    from workers.brokers.conformance.cases import CaseResult

FIELDS = ("number", "promise", "outcome", "reason")
FAILED = 1  # exit code; 2 is click's own
Chosen = tuple[str, Mapping[str, str], str]  # kind, settings and name


@click.group("broker")
def command() -> None:
    """Try a broker against the contract, and serve the paper broker over HTTP."""


@command.command("check")
@click.option("--account", metavar="NAME", help="An account that there is.")
@click.option("--kind", metavar="KIND", help="Instead: a kind of broker, with its settings; no account is needed.")
@setting_options
@click.option("--trade", "symbol", metavar="SYMBOL", help="Also open and close the smallest quantity of SYMBOL.")
@click.option("--live", is_flag=True, help="With --trade: the account may hold real money, and that is meant.")
@click.option("--yes", is_flag=True, help="With --trade: do not ask.")
@json_option
@click.pass_context
def check(
    ctx: click.Context,
    account: str | None,
    kind: str | None,
    pairs: Sequence[str],
    files: Sequence[str],
    variables: Sequence[str],
    symbol: str | None,
    live: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Try the promises of the broker contract at the broker itself, in numbered cases.

    Without --trade nothing is sent that could change anything. Exit code 1 when a case failed.
    """
    with_settings = settings_of(pairs, files, variables)
    if (account is None) == (kind is None) or (kind is None and with_settings):
        raise click.UsageError("Give either --account NAME, or --kind KIND with its settings.")
    chosen = _of_account(account) if account is not None else (str(kind), with_settings, "conformance")
    if symbol is not None:
        _be_sure(chosen, symbol, live, yes)
    results = _results(chosen, symbol)
    print_listing([asdict(result) for result in results], FIELDS, as_json)
    ctx.exit(FAILED if any(result.outcome == "failed" for result in results) else 0)


@command.command("serve-paper")
@click.option("--port", type=click.IntRange(1, 65535), default=8090, help="Default: 8090.")
@click.option("--account", type=AccountName(), default="served", help="Whose books. Default: served.")
@click.option("--token", envvar="BRIDGE_SERVED_TOKEN", help="Whoever has it is served. Default: a new one, printed.")
@click.option("--setting", "pairs", multiple=True, metavar="KEY=VALUE", help="A setting of the paper broker.")
def serve_paper(port: int, account: str, token: str | None, pairs: Sequence[str]) -> None:
    """Serve the paper broker over the REST contract, on this machine only, until Ctrl-C.

    It is the reference implementation of docs/brokers/http-openapi.yaml: what a broker of yours should answer.
    """
    from granian import Granian
    from granian.constants import Interfaces

    from workers.brokers.registry import make_broker
    from workers.brokers.rest import reference

    chosen, known = settings_of(pairs), token or secrets.token_urlsafe(32)
    with settings():
        make_broker("paper", chosen, account).close()  # refuses odd settings here, in one line
        os.environ[reference.TOKEN_VARIABLE] = known
        os.environ[reference.ACCOUNT_VARIABLE] = account
        os.environ[reference.SETTINGS_VARIABLE] = json.dumps(chosen)
        said = "" if token else f"\nIts token: {known}"
        click.echo(f"The paper broker answers at http://127.0.0.1:{port}{said}")
        target = f"{reference.__name__}:make"
        Granian(
            target, "127.0.0.1", port, interface=Interfaces.WSGI, factory=True, websockets=False, log_enabled=False
        ).serve()


def _of_account(name: str) -> Chosen:
    with settings() as config, sessions_of(config) as sessions, sessions() as session:
        row = accounts.named(session, name)
        return row.broker, vault.decrypt(config.secret_key, row.broker_settings), row.name


def _be_sure(chosen: Chosen, symbol: str, live: bool, yes: bool) -> None:
    """Raises UsageError for what may be real money without --live, and Abort where the answer is no."""
    from workers.brokers.live_or_practice import may_be_real

    kind, with_settings, name = chosen
    real = may_be_real(kind, with_settings)
    if real and not live:
        raise click.UsageError(f"{name} may trade real money at {kind}: say --live if that is meant.")
    if not yes:
        money = "It may cost REAL MONEY. " if real else ""
        click.confirm(
            f"This opens and closes the smallest quantity of {symbol} at {kind}. {money}Go on?", abort=True, err=True
        )


def _results(chosen: Chosen, symbol: str | None) -> "list[CaseResult]":
    from workers.brokers.registry import make_broker

    kind, with_settings, name = chosen
    with settings() if kind == "paper" else nullcontext():
        broker = make_broker(kind, with_settings, name)
        try:
            return list(_tried(broker, symbol))
        finally:
            broker.close()


def _tried(broker: "Broker", symbol: str | None) -> "Iterator[CaseResult]":
    from workers.brokers.conformance import cases, reads, trade

    yield from cases.run(reads.READS, reads.ReadContext(broker, _now, _new_id))
    if symbol is not None:
        subject = trade.Trade(broker, symbol, _now, _new_id)
        yield from cases.run(trade.TRADES, subject)
        if subject.unsettled or subject.unfinished:
            click.echo(f"LOOK AT THE ACCOUNT: an order in {symbol} may still be open there.", err=True)


def _now() -> datetime:
    return datetime.now(UTC)


def _new_id() -> ClientOrderId:
    return ClientOrderId(f"pq-{secrets.token_hex(16)}")
