"""`proquant-bridge events prune`: finished events deleted by hand, as a worker does it for BRIDGE_RETENTION_DAYS."""

from datetime import datetime, timedelta

import click

from shared.config import LEAST_RETENTION, MOST_RETENTION, check_retention
from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.domain import EventId
from shared.inbox import retention
from tools.cli.environment import sessions_of, settings
from tools.cli.output import json_option, print_json

OPTION = "--older-than"


@click.command("prune")
@click.option(
    OPTION,
    "days",
    metavar="DAYS",
    required=True,
    type=click.IntRange(LEAST_RETENTION, MOST_RETENTION),
    help=f"Keep what has ended in the last so many days; {LEAST_RETENTION} at least.",
)
@click.option("--dry-run", is_flag=True, help="Only say how many it would be.")
@json_option
def command(days: int, dry_run: bool, as_json: bool) -> None:
    """Delete finished events, with their orders, fills, answers, alerts and closed positions.

    What is open, unfinished or parked stays, with all that led to it, and so does the last that each strategy did. An
    event that was deleted is not known when it is delivered again; what becomes of it then is in
    docs/decisions/0037-what-may-be-forgotten.md.
    """
    with settings() as config, sessions_of(config) as sessions:
        check_retention(config, days, OPTION)
        with sessions() as session:
            before = database_clock(session) - timedelta(days=days)
        events, alerts = _forget_events(sessions, before, dry_run), _forget_alerts(sessions, before, dry_run)
    if as_json:
        print_json({"before": before, "events": events, "alerts": alerts, "dry_run": dry_run})
    else:
        done = "would be deleted" if dry_run else "were deleted"
        click.echo(f"{events} events from before {before:%Y-%m-%d %H:%M} UTC, and {alerts} other alerts, {done}.")


def _forget_events(sessions: Sessions, before: datetime, dry_run: bool) -> int:
    """Batch by batch, each in a transaction of its own: it may be interrupted, and done again, at any time."""
    events, after = 0, EventId(0)
    while True:
        with sessions.begin() as session:
            batch = retention.forget_events(session, before, after, rehearsed=dry_run)
        events += batch.events
        if batch.after is None:
            return events
        after = batch.after


def _forget_alerts(sessions: Sessions, before: datetime, dry_run: bool) -> int:
    alerts = 0
    while True:
        with sessions.begin() as session:
            batch = retention.forget_alerts(session, before, rehearsed=dry_run)
        alerts += batch
        if dry_run or batch == 0:
            return alerts
