"""`reconcile` as a person types it, on the paper broker's own books; and `doctor`, which tells of its result."""

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import Result
from sqlalchemy import update

from shared.database.clock import database_clock
from shared.database.tables.events import EventRow
from shared.database.tables.workers import SweepLease
from tests.cli.runner import Cli
from tests.support.in_process_bridge import Bridge, signal
from workers.brokers.paper.tables import PaperPosition

Check = Callable[[Result, str], None]


@pytest.fixture
def keyed(bridge: Bridge, cli: Cli) -> Cli:
    """The command line with the key of an account that holds ten units of gold."""
    assert bridge.post(signal("SIGNAL_OPEN")).status_code == 200
    bridge.settled()
    return Cli({**cli.environment, "BRIDGE_SECRET_KEY": bridge.secret_key})


def close_by_hand(bridge: Bridge) -> None:
    with bridge.sessions.begin() as session:
        session.execute(update(PaperPosition).values(quantity=4))


def test_books_that_agree_are_printed_and_exit_with_0(keyed: Cli) -> None:
    result = keyed("reconcile", "--account", "alice")
    assert result.exit_code == 0, result.output
    assert "XAUUSD" in result.stdout
    assert keyed.json("reconcile", "--account", "alice") == [
        {"symbol": "XAUUSD", "ledger": "10", "broker": "10", "difference": "0", "cause": ""}
    ]


def test_drift_is_printed_with_its_cause_and_exits_with_1_and_doctor_tells_of_it(bridge: Bridge, keyed: Cli) -> None:
    close_by_hand(bridge)
    result = keyed("reconcile", "--account", "alice", "--json")
    assert result.exit_code == 1
    (line,) = json.loads(result.stdout)
    assert (line["ledger"], line["broker"], line["difference"]) == ("10", "4", "-6")
    assert "closed in part by hand" in line["cause"]
    assert [alert.kind for alert in bridge.alerts()] == ["drift"]
    findings = {finding["check"]: finding for finding in json.loads(keyed("doctor", "--json").stdout)}
    assert (findings["ledger and broker"]["result"], findings["ledger and broker"]["seen"]) == (
        "fail",
        "drift in alice",
    )
    assert bridge.trades() == ["BUY 10 p1"]


def test_an_account_that_is_trading_is_busy(bridge: Bridge, keyed: Cli) -> None:
    with bridge.sessions.begin() as session:
        soon = database_clock(session) + timedelta(hours=1)
        values = {"state": "waiting", "finished_at": None, "next_attempt_at": soon}
        session.execute(update(EventRow).values(values))
    result = keyed("reconcile", "--account", "alice", "--json")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "busy: event 1 is being executed" in result.stderr


def test_an_account_that_nobody_knows_is_named(cli: Cli, fails_clearly: Check) -> None:
    fails_clearly(cli("reconcile", "--account", "ghost"), "no account named 'ghost'")


def test_doctor_tells_of_workers_that_do_not_hear(bridge: Bridge, keyed: Cli) -> None:
    with bridge.sessions.begin() as session:
        long_ago = database_clock(session) - timedelta(minutes=5)
        session.execute(update(SweepLease).values(unheard_since=long_ago, canary_at=long_ago))
    findings = {finding["check"]: finding for finding in json.loads(keyed("doctor", "--json").stdout)}
    assert findings["workers"]["result"] == "ok"
    assert findings["queue"]["result"] == "fail"
    assert "no worker has heard it for 0:05:0" in findings["queue"]["seen"]
