"""`events prune` as a person types it."""

from collections.abc import Callable

import pytest
from click.testing import Result

from tests.cli.runner import Cli
from tests.support.aged_events import MONTH, grow_old, tell
from tests.support.in_process_bridge import Bridge

Check = Callable[[Result, str], None]


@pytest.fixture
def old(bridge: Bridge) -> Bridge:
    """Two trades that were over a month ago."""
    tell(bridge, ("OPEN", "p1"), ("CLOSE", "p1"), ("OPEN", "p2"), ("CLOSE", "p2"))
    grow_old(bridge, MONTH)
    return bridge


def test_a_dry_run_says_what_would_go_and_the_same_without_it_deletes(old: Bridge, cli: Cli) -> None:
    dry = cli.json("events", "prune", "--older-than", "20", "--dry-run")
    assert (dry["events"], dry["alerts"], dry["dry_run"]) == (3, 0, True)
    assert len(cli.json("events", "list")) == 4
    done = cli("events", "prune", "--older-than", "20")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("3 events from before 20")
    assert done.stdout.endswith(" UTC, and 0 other alerts, were deleted.\n")
    assert [event["proquant_position_id"] for event in cli.json("events", "list")] == ["p2"]
    assert cli.json("events", "prune", "--older-than", "20")["events"] == 0


def test_what_is_deleted_is_said_to_be_gone(old: Bridge, cli: Cli, fails_clearly: Check) -> None:
    cli("events", "prune", "--older-than", "20")
    fails_clearly(cli("events", "show", "1"), "There is no event 1")


@pytest.mark.parametrize("days", ["0", "6", "36501", "soon"])
def test_less_than_a_week_is_refused(old: Bridge, cli: Cli, days: str) -> None:
    result = cli("events", "prune", "--older-than", days)
    assert result.exit_code == 2
    assert "--older-than" in result.stderr
    assert len(old.events()) == 4


def test_an_open_that_would_still_be_executed_is_not_forgotten(old: Bridge, cli: Cli, fails_clearly: Check) -> None:
    patient = Cli({**cli.environment, "BRIDGE_OPEN_MAX_AGE_SECONDS": str(21 * 86_400)})
    fails_clearly(patient("events", "prune", "--older-than", "20"), "--older-than=20 is less than")
    assert len(old.events()) == 4
