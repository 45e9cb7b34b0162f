"""Events, orders, positions and alerts as the command line lists them, and the receipt of one event."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import pytest
from click.testing import Result

from shared.alerts.raising import raise_alert
from shared.domain import AlertKind, Direction, EventId
from tests.cli.runner import Cli
from tests.support.in_process_bridge import Bridge, lifecycle, signal

Check = Callable[[Result, str], None]


@pytest.fixture
def traded(bridge: Bridge) -> Bridge:
    """Opened, flipped, and refused: events 1 to 3; then the integration was approved: event 4."""
    assert bridge.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
    assert (
        bridge.post(signal("SIGNAL_REOPEN", "p2", direction=Direction.SELL, quantity=Decimal("2.50"))).status_code
        == 200
    )
    assert bridge.post(signal("SIGNAL_OPEN", "p3")).status_code == 409
    assert bridge.post(lifecycle("INTEGRATION_APPROVED")).status_code == 200
    bridge.settled()
    return bridge


def test_events_are_listed_with_the_newest_first(traded: Bridge, cli: Cli) -> None:
    listed = cli.json("events", "list")
    assert [event["type"] for event in listed] == [
        "INTEGRATION_APPROVED",
        "SIGNAL_OPEN",
        "SIGNAL_REOPEN",
        "SIGNAL_OPEN",
    ]
    refused = listed[1]
    assert datetime.fromisoformat(refused.pop("received_at")) <= datetime.fromisoformat(refused.pop("finished_at"))
    assert refused == {
        "id": 3,
        "account": "alice",
        "type": "SIGNAL_OPEN",
        "state": "refused",
        "error_type": "PositionAlreadyExists",
        "strategy_id": "s1",
        "proquant_position_id": "p3",
    }
    assert listed[0]["strategy_id"] is None


def test_events_can_be_narrowed_to_a_state_an_account_and_a_number(traded: Bridge, cli: Cli) -> None:
    cli.json("accounts", "create", "other", "--broker", "paper")
    assert [event["id"] for event in cli.json("events", "list", "--state", "refused")] == [3]
    assert cli.json("events", "list", "--account", "other") == []
    assert [event["id"] for event in cli.json("events", "list", "--account", "alice", "--limit", "2")] == [4, 3]


def test_a_program_gets_every_row_and_a_person_the_newest_fifty(cli: Cli, bridge: Bridge) -> None:
    with bridge.sessions.begin() as session:
        for number in range(60):
            raise_alert(session, AlertKind.PARKED, f"alert number {number:02}.")
    assert len(cli.json("alerts", "list")) == 60
    shown = cli("alerts", "list").stdout
    assert shown.count("alert number") == 50
    assert "alert number 59." in shown


@pytest.mark.parametrize("what", ["events", "orders", "positions", "instruments"])
def test_a_listing_of_an_account_that_nobody_knows_says_so(cli: Cli, fails_clearly: Check, what: str) -> None:
    fails_clearly(cli(what, "list", "--account", "ghost"), "no account named 'ghost'")


def test_orders_are_listed_with_plain_quantities(traded: Bridge, cli: Cli) -> None:
    listed = cli.json("orders", "list")
    assert [(order["event_id"], order["leg"], order["side"]) for order in listed] == [
        (2, "open", "SELL"),
        (2, "close", "SELL"),
        (1, "open", "BUY"),
    ]
    first = listed[-1]
    assert first.pop("client_order_id").startswith("pq-")
    assert first.pop("broker_order_id")
    assert first == {
        "id": 1,
        "event_id": 1,
        "leg": "open",
        "symbol": "XAUUSD",
        "side": "BUY",
        "quantity": "10",
        "filled_quantity": "10",
        "state": "filled",
    }
    assert Decimal(listed[0]["quantity"]) == Decimal("2.5")
    assert [order["id"] for order in cli.json("orders", "list", "--account", "alice", "--limit", "1")] == [3]


def test_positions_are_listed_and_those_that_are_open_alone(traded: Bridge, cli: Cli) -> None:
    held = {
        "account": "alice",
        "strategy_id": "s1",
        "proquant_position_id": "p2",
        "ticker": "XAUUSD",
        "direction": "SELL",
        "quantity": "2.50",
        "state": "open",
    }
    assert cli.json("positions", "list", "--open") == [held]
    listed = cli.json("positions", "list", "--account", "alice")
    assert listed[0] == held
    assert listed[1]["state"] == "closed"
    assert Decimal(listed[1]["quantity"]) == 0


def test_a_receipt_tells_all_of_a_flip(traded: Bridge, cli: Cli) -> None:
    receipt = cli.json("events", "show", "2")
    assert receipt["account"] == "alice"
    assert receipt["type"] == "SIGNAL_REOPEN"
    assert receipt["strategy_name"] == "Gold"
    assert [(order["leg"], order["state"]) for order in receipt["orders"]] == [("close", "filled"), ("open", "filled")]
    assert [Decimal(order["fills"][0]["quantity"]) for order in receipt["orders"]] == [Decimal(10), Decimal("2.5")]
    assert [(position["proquant_position_id"], position["state"]) for position in receipt["positions"]] == [
        ("p1", "closed"),
        ("p2", "open"),
    ]
    assert receipt["alerts"] == []


def test_a_person_reads_the_receipt_as_text(traded: Bridge, cli: Cli) -> None:
    text = cli("events", "show", "2").stdout
    assert "type                  SIGNAL_REOPEN" in text
    assert "order 2" in text
    assert "\n  fill 1\n    fill id" in text
    assert "position 1" in text


def test_a_receipt_holds_the_alerts_of_its_event(traded: Bridge, cli: Cli) -> None:
    with traded.sessions.begin() as session:
        raise_alert(session, AlertKind.PARKED, "Look at this.", event=EventId(1))
        raise_alert(session, AlertKind.PARKED, "Not at this.", event=EventId(2))
    assert [alert["detail"] for alert in cli.json("events", "show", "1")["alerts"]] == ["Look at this."]


def test_an_event_that_is_not_there_is_named(cli: Cli, fails_clearly: Check) -> None:
    fails_clearly(cli("events", "show", "77"), "There is no event 77")


@pytest.mark.parametrize("odd", ["0", "-1", "x", str(2**63)])
def test_an_id_that_cannot_be_is_a_mistake_of_usage(offline: Cli, odd: str) -> None:
    assert offline("events", "show", "--", odd).exit_code == 2


def test_a_text_from_outside_cannot_steer_the_terminal(bridge: Bridge, cli: Cli) -> None:
    assert (
        bridge.post(signal("SIGNAL_OPEN", strategy_name="\u202egold [bold]", strategy_id="[red]s")).status_code == 200
    )
    bridge.settled()
    with bridge.sessions.begin() as session:
        raise_alert(session, AlertKind.PARKED, "\x1b[2Jgone\nforged line", event=EventId(1))
    shown = "".join(cli(*words).stdout for words in (["events", "list"], ["events", "show", "1"], ["alerts", "list"]))
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\nforged" not in shown
    assert "[red]s" in cli("events", "list").stdout


def test_nothing_is_cut_where_there_is_no_terminal(bridge: Bridge, cli: Cli) -> None:
    long = "p" * 120
    bridge.post(signal("SIGNAL_OPEN", long))
    bridge.settled()
    assert long in cli("positions", "list").stdout
