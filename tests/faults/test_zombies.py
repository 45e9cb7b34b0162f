"""A worker that is paused past its lease, at any point, and wakes up again: it sends nothing and writes nothing."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError

from shared.database.engine import Sessions
from shared.domain import Direction, SignalEvent
from tests.faults.hands import LEASE_SECONDS, Hand, finish, hand, leases_end, unfinished
from tests.faults.test_checker_passes import delivered
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge, signal
from tests.support.judge.observed import Exchange, PaperBooks
from tests.support.judge.verdict import check

# Between the last look at the lease and the broker's acceptance nothing of ours can stop a paused worker: there only
# the broker's own memory of ids helps. Everywhere else the bridge alone must do.
RESIDUAL = "before submit"
PARTS = 4


def story() -> tuple[SignalEvent, ...]:
    """OPEN, REOPEN, CLOSE of now: made when it is told, since an OPEN expires."""
    return (
        signal("SIGNAL_OPEN", "p1"),
        signal("SIGNAL_REOPEN", "p2", direction=Direction.SELL),
        signal("SIGNAL_CLOSE", "p2", direction=Direction.SELL),
    )


@pytest.fixture
def deaf(sessions: Sessions, database_url: str) -> Iterator[Bridge]:
    """A bridge whose receiver rings nobody."""
    with bridges.running(sessions, database_url, wait=0, deaf=True, sweep=300, grace=0) as bridge:
        yield bridge


@pytest.mark.timeout(600)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_worker_that_was_paused_past_its_lease_does_nothing_more(deaf: Bridge, part: int) -> None:
    """At every point of the story, one after another, each with an account of its own."""
    with hand("zombie", deaf) as zombie, hand("other", deaf) as other:
        points = discover(deaf, zombie)
        for number, name in list(enumerate(points))[part::PARTS]:
            deaf.open_account(f"a{number}", dedupe="lifetime" if name == RESIDUAL else "none")
            history = tell(deaf, zombie, other, number)
            assert zombie.points.acted, f"{name} ({number}) was not reached"
            calls = [] if name == RESIDUAL else [*zombie.calls, *other.calls]
            with deaf.sessions() as session:
                found = check(session, PaperBooks(session), history, calls=calls)
            assert found == [], f"paused {name} ({number})"
            if name != RESIDUAL and other.points.passed:  # nobody took over where nothing was left to do
                assert written(zombie, number) == [], f"paused {name}"
    assert points.count("before submit") == 4
    assert len(points) == 20  # four orders sent, their answers, the claim and the first intent


def written(zombie: Hand, paused_at: int) -> list[str]:
    """What it sent, or committed under its old lease, after it woke up."""
    awake = zombie.points.passed[paused_at + 1 :]
    return [point for point in awake if "submit" in point or "commit" in point]


def discover(bridge: Bridge, worker: Hand) -> list[str]:
    """The points of the story when nobody is paused."""
    bridge.open_account("discovery")
    begin(bridge)
    worker.points.arm(lambda _number, _name: False, lambda _: None)
    finish(bridge, worker)
    return worker.points.passed


def begin(bridge: Bridge) -> list[Exchange]:
    """The whole story is delivered."""
    return [delivered(bridge, event) for event in story()]


def tell(bridge: Bridge, zombie: Hand, other: Hand, pause_at: int) -> list[Exchange]:
    """Tells the story to a worker that is paused at a point, while another one takes over."""
    history = begin(bridge)
    zombie.calls.clear()
    other.calls.clear()
    other.points.passed.clear()

    def pause(name: str) -> None:
        zombie.pause += 10 * LEASE_SECONDS
        if name.startswith("before commit"):  # the server ends a transaction in which nothing happens for too long
            end_open_transactions(bridge.sessions)
        leases_end(bridge.sessions)
        finish(bridge, other)

    zombie.points.arm(lambda number, _: number == pause_at, pause)
    try:
        zombie.run(unfinished(bridge)[0])
    except (OperationalError, InterfaceError):
        assert zombie.points.passed[pause_at].startswith("before commit")
    return history


def end_open_transactions(sessions: Sessions) -> None:
    """Ends every transaction of this database that waits for its client."""
    with sessions() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE state = 'idle in transaction' AND pid <> pg_backend_pid() AND datname = current_database()"
            )
        )
