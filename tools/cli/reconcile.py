"""`proquant-bridge reconcile`: compares what the ledger and the broker of an account hold, now."""

import sys
import time
from collections.abc import Callable

import click
import structlog

from shared.config import Config
from shared.database.engine import Sessions
from shared.ledger import reconciliation
from shared.ledger.drift import Agreement
from shared.ledger.reconciliation import ReconciliationResult
from tools.cli.account_broker import broker_of
from tools.cli.environment import sessions_of, settings
from tools.cli.output import json_option, print_listing

FIELDS = ("symbol", "ledger", "broker", "difference", "cause")
SHORTEST_SECONDS, LONGEST_SECONDS = 1.0, 10.0  # between two looks; a broker may show what it has filled a bit later
DRIFT, UNKNOWN = 1, 3  # exit codes; 2 is click's own


@click.command("reconcile")
@click.option("--account", required=True, metavar="NAME", help="The account.")
@json_option
@click.pass_context
def command(ctx: click.Context, account: str, as_json: bool) -> None:
    """Compare what the ledger and the broker of an account hold, and say where they differ and why that may be.

    Exit code 1 when they do, 3 when nothing can be said now: the account is trading, or the broker does not answer.
    Nothing is ever repaired by trading.
    """
    _keep_standard_output_clean()
    with settings() as config, sessions_of(config) as sessions:
        seen = _look(sessions, config, account)
    if seen.hindrance is not None:
        click.echo(f"Nothing can be said of {account} now: {seen.hindrance}. Try again later.", err=True)
        ctx.exit(UNKNOWN)
    print_listing([{field: getattr(each, field) for field in FIELDS} for each in seen.comparisons], FIELDS, as_json)
    ctx.exit(0 if seen.result is Agreement.AGREES else DRIFT)


def _keep_standard_output_clean() -> None:
    """An alert writes a log line; standard output is for the answer alone."""
    structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))


def _look(sessions: Sessions, config: Config, name: str) -> ReconciliationResult:
    """One look, and another where a difference was seen for the first time."""
    from workers.brokers.net_positions import net_positions

    with broker_of(sessions, config, name) as (account, broker):
        pause = min(LONGEST_SECONDS, max(SHORTEST_SECONDS, broker.capabilities.settle_seconds))
        return _confirmed(lambda: reconciliation.reconcile(sessions, account, lambda: net_positions(broker)), pause)


def _confirmed(look: Callable[[], ReconciliationResult], pause: float) -> ReconciliationResult:
    seen = look()
    if not any(comparison.state is Agreement.DIFFERS for comparison in seen.comparisons):
        return seen
    time.sleep(pause)  # there is nothing to await: the broker can only be asked again
    return look()
