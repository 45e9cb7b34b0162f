"""`events resolve` as a person types it."""

import getpass
from collections.abc import Callable

import pytest
from click.testing import Result
from redis import Redis
from sqlalchemy import update

from shared.database.tables.events import EventRow
from shared.queue.celery_app import QUEUE
from tests.cli.runner import Cli
from tests.support.in_process_bridge import Bridge, signal

Check = Callable[[Result, str], None]


@pytest.fixture
def parked(bridge: Bridge) -> Bridge:
    """An event that had no order yet when our code failed too often."""
    with bridge.sessions.begin() as session:
        session.execute(update(EventRow).values(state="parked", finished_at=None))
    bridge.post(signal("SIGNAL_OPEN", quantity=5000))
    bridge.settled()
    with bridge.sessions.begin() as session:
        unfinished = {"state": "parked", "finished_at": None, "error_type": None, "refused_by": None}
        session.execute(update(EventRow).values(**unfinished, failures=8))
    return bridge


def test_a_parked_event_is_handed_back_and_the_receipt_says_by_whom(parked: Bridge, cli: Cli) -> None:
    result = cli("events", "resolve", "1", "--retry", "--note", "the symbol is listed again")
    assert (result.exit_code, result.stdout) == (0, "Event 1 is resolved as retry; a worker goes on with it.\n")
    parked.settled()
    receipt = cli.json("events", "show", "1")
    assert receipt["state"] == "refused"
    (kept,) = receipt["resolutions"]
    assert kept.pop("at")
    assert kept == {
        "verdict": "retry",
        "order_id": None,
        "quantity": None,
        "price": None,
        "who": getpass.getuser(),
        "note": "the symbol is listed again",
    }
    assert "resolution 1" in cli("events", "show", "1").stdout


def test_the_doorbell_rings_where_there_is_a_redis(parked: Bridge, cli: Cli, redis_url: str) -> None:
    assert cli("events", "resolve", "1", "--retry", REDIS_URL=redis_url).exit_code == 0
    with Redis.from_url(redis_url) as redis:
        assert redis.llen(QUEUE) == 1


def test_a_redis_that_is_away_changes_nothing(parked: Bridge, cli: Cli) -> None:
    result = cli("events", "resolve", "1", "--retry", REDIS_URL="redis://127.0.0.1:2/0")
    assert (result.exit_code, result.stdout) == (0, "Event 1 is resolved as retry; a worker goes on with it.\n")


def test_what_cannot_be_resolved_is_said_in_one_line(parked: Bridge, cli: Cli, fails_clearly: Check) -> None:
    fails_clearly(cli("events", "resolve", "1", "--filled"), "no unsettled order")
    fails_clearly(cli("events", "resolve", "2", "--retry"), "There is no event 2")


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--retry", "--filled"),
        ("--retry", "--quantity", "1"),
        ("--not-placed", "--price", "1"),
        ("--filled", "--quantity", "0"),
        ("--filled", "--price", "NaN"),
    ],
)
def test_a_verdict_is_said_once_and_a_quantity_only_where_it_means_something(
    offline: Cli, words: tuple[str, ...]
) -> None:
    assert offline("events", "resolve", "1", *words).exit_code == 2
