"""`positions settle` as a person types it: the ledger follows the broker, and the strategy goes on."""

import getpass
from collections.abc import Callable
from decimal import Decimal

import pytest
from click.testing import Result
from sqlalchemy import update

from shared.database.tables.orders import OrderRow
from shared.domain import Direction
from tests.cli.runner import Cli, Doctor
from tests.support.in_process_bridge import Bridge, signal

Check = Callable[[Result, str], None]
REASON = ("--reason", "closed by hand in the terminal")


@pytest.fixture
def holding(bridge: Bridge) -> Bridge:
    """Ten units of gold, bought."""
    assert bridge.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
    return bridge


def test_a_position_that_is_gone_lets_its_strategy_open_again(holding: Bridge, cli: Cli) -> None:
    result = cli("positions", "settle", "1", "--gone", *REASON)
    assert (result.exit_code, result.stdout) == (0, "Position 1 holds 0 XAUUSD now; the ledger had 10.\n")
    assert holding.open_positions() == []
    closed = holding.post(signal("SIGNAL_CLOSE", "p1"))
    assert closed.json is not None
    assert closed.json["type"] == "PositionNotFound"
    assert holding.post(signal("SIGNAL_OPEN", "p2")).status_code == 200
    assert holding.trades() == ["BUY 10 p1", "BUY 10 p2"]


@pytest.mark.parametrize(("held", "direction"), [("4", Direction.BUY), ("40", Direction.BUY), ("0.5", Direction.SELL)])
def test_a_close_closes_what_was_settled(
    bridge: Bridge, cli: Cli, doctor: Doctor, held: str, direction: Direction
) -> None:
    assert bridge.post(signal("SIGNAL_OPEN", "p9", strategy_id="s9", direction=direction)).status_code == 200
    position = bridge.open_positions()[-1].id
    assert cli("positions", "settle", str(position), "--quantity", held, *REASON).exit_code == 0
    found = doctor()
    assert {found[name]["seen"] for name in ("positions and fills", "orders and fills")} == {"agree"}
    assert bridge.post(signal("SIGNAL_CLOSE", "p9", strategy_id="s9")).status_code == 200
    assert bridge.orders()[-1].quantity == Decimal(held)
    assert [row.id for row in bridge.open_positions() if row.id == position] == []


def test_who_said_so_stands_in_the_receipt(holding: Bridge, cli: Cli) -> None:
    cli("positions", "settle", "1", "--quantity", "4", *REASON)
    (kept,) = cli.json("events", "show", "1")["resolutions"]
    assert (kept["verdict"], kept["who"], kept["note"]) == ("settled", getpass.getuser(), REASON[1])
    assert Decimal(kept["quantity"]) == 4


@pytest.mark.parametrize("state", ["submitting", "unknown", "accepted", "planned"])
def test_while_an_order_is_unsettled_nothing_is(holding: Bridge, cli: Cli, fails_clearly: Check, state: str) -> None:
    with holding.sessions.begin() as session:
        session.execute(update(OrderRow).values(state=state))
    fails_clearly(cli("positions", "settle", "1", "--gone", *REASON), f"of event 1 is {state}: what is held is known")
    assert [row.quantity for row in holding.open_positions()] == [10]


def test_what_cannot_be_is_refused(holding: Bridge, cli: Cli, fails_clearly: Check) -> None:
    fails_clearly(cli("positions", "settle", "7", "--gone", *REASON), "There is no position 7")
    fails_clearly(cli("positions", "settle", "1", "--quantity", "10", *REASON), "holds 10 XAUUSD already")
    assert holding.post(signal("SIGNAL_CLOSE", "p1")).status_code == 200
    fails_clearly(cli("positions", "settle", "1", "--gone", *REASON), "Position 1 is closed")
    for said in (("--gone", "--quantity", "3", *REASON), REASON, ("--gone",), ("--gone", "--reason", " ")):
        assert cli("positions", "settle", "1", *said).exit_code == 2
