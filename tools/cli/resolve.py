"""`proquant-bridge events resolve`: a person says what became of a parked event."""

from collections.abc import Mapping
from decimal import Decimal

import click

from shared.database.clock import database_clock
from shared.domain import EventId
from tools.cli.environment import sessions_of, settings
from tools.cli.options import LARGEST_ID, DecimalNumber, user_name
from tools.operations.resolve_event import ResolutionRequest, ResolutionVerdict, resolve

AMOUNT = DecimalNumber(Decimal("0.000000000001"), Decimal(10) ** 15)


@click.command("resolve")
@click.argument("event_id", metavar="ID", type=click.IntRange(1, LARGEST_ID))
@click.option("--filled", is_flag=True, help="The order was executed.")
@click.option("--not-placed", is_flag=True, help="The broker does not have the order, or has ended it unfilled.")
@click.option("--retry", is_flag=True, help="What was in the way is mended: let the workers look again.")
@click.option("--quantity", type=AMOUNT, help="With --filled: how much was, in units. Default: all that was ordered.")
@click.option("--price", type=AMOUNT, help="With --filled: at what price, if you know it.")
@click.option("--note", metavar="TEXT", help="Your own words, for the receipt.")
def command(
    event_id: int,
    filled: bool,
    not_placed: bool,
    retry: bool,
    quantity: Decimal | None,
    price: Decimal | None,
    note: str | None,
) -> None:
    """Resolve the parked event ID: look at the broker first, at the client order id that `events show ID` prints.

    Exactly one of --filled, --not-placed and --retry. What was not placed is sent again, unless it is a signal to open
    that has become too old. Who said so, and when, is kept in the event's receipt.
    """
    verdict = _verdict(
        {ResolutionVerdict.FILLED: filled, ResolutionVerdict.NOT_PLACED: not_placed, ResolutionVerdict.RETRY: retry}
    )
    if verdict is not ResolutionVerdict.FILLED and (quantity is not None or price is not None):
        raise click.UsageError("--quantity and --price belong to --filled.")
    resolution = ResolutionRequest(verdict, user_name(), note, quantity, price)
    with settings() as config, sessions_of(config) as sessions:
        with sessions.begin() as session:
            resolve(session, EventId(event_id), resolution, database_clock(session))
        _ring(config.redis_url, EventId(event_id))
    click.echo(f"Event {event_id} is resolved as {verdict.replace('_', ' ')}; a worker goes on with it.")


def _verdict(flags: Mapping[ResolutionVerdict, bool]) -> ResolutionVerdict:
    said = [verdict for verdict, flag in flags.items() if flag]
    if len(said) != 1:
        raise click.UsageError("Say one of --filled, --not-placed and --retry.")
    return said[0]


def _ring(redis_url: str, event: EventId) -> None:
    """A doorbell that cannot ring is no fault: the sweep finds the event."""
    from shared.queue.doorbell import Doorbell, is_reachable, make_celery, make_redis

    with make_redis(redis_url) as redis:
        if is_reachable(redis):
            Doorbell(make_celery(redis_url)).ring(event)
