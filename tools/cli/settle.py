"""`proquant-bridge positions settle`: a person says what the broker really holds of a position."""

from decimal import Decimal

import click

from shared.database.clock import database_clock
from tools.cli.environment import database
from tools.cli.options import LARGEST_ID, DecimalNumber, user_name
from tools.operations.settle_position import settle_position

UNITS = DecimalNumber(Decimal("0.000000000001"), Decimal(10) ** 15)


@click.command("settle")
@click.argument("position_id", metavar="ID", type=click.IntRange(1, LARGEST_ID))
@click.option("--gone", is_flag=True, help="The broker holds nothing of it.")
@click.option("--quantity", type=UNITS, help="So much of it is held at the broker, in units.")
@click.option("--reason", metavar="TEXT", required=True, help="What you saw, and where; kept in the receipt.")
def command(position_id: int, gone: bool, quantity: Decimal | None, reason: str) -> None:
    """Settle the position ID: the ledger follows what the broker really holds. Nothing is traded.

    Look at the broker first, and let nothing of the strategy be under way: while one of its orders is unsettled, this
    is refused. Exactly one of --gone and --quantity. Who said so, and when, is kept in the receipt of the event that
    opened the position.
    """
    if gone is (quantity is not None):
        raise click.UsageError("Say one of --gone and --quantity.")
    if not reason.strip():
        raise click.UsageError("--reason must say something.")
    with database() as sessions, sessions.begin() as session:
        settled = settle_position(
            session, position_id, quantity or Decimal(0), user_name(), reason.strip(), database_clock(session)
        )
    click.echo(
        f"Position {position_id} holds {settled.after:f} {settled.symbol} now; the ledger had {settled.before:f}."
    )
