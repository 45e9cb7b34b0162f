"""The sweep: what nobody attends is rung again, once an interval, by one worker at a time."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from shared.database.engine import Sessions
from shared.database.tables.accounts import Account
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.workers import Worker
from shared.domain import AccountId, EventId
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from workers.sweep.sweeper import Sweeper

INTERVAL = 5.0


@dataclass
class Sweeping:
    """Workers that share a workshop's database, and what they rang and refreshed."""

    workshop: WorkerHarness
    rung: list[EventId] = field(default_factory=list)
    refreshed: list[AccountId] = field(default_factory=list)
    heard: bool = True

    def sweep(self, worker: str = "one") -> list[EventId]:
        """One sweep of a worker; returns what it rang."""
        before = len(self.rung)
        sweeper = Sweeper(
            self.workshop.sessions, self._ring, self.refreshed.extend, worker, INTERVAL, self.workshop.clock
        )
        count = sweeper.sweep()
        assert count == (len(self.rung) - before if self.heard else 0)
        return self.rung[before:]

    def _ring(self, event: EventId) -> bool:
        self.rung.append(event)
        return self.heard


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    return open_workshop(sessions)


@pytest.fixture
def sweeping(workshop: WorkerHarness) -> Sweeping:
    return Sweeping(workshop)


def change(workshop: WorkerHarness, **values: object) -> None:
    with workshop.sessions.begin() as session:
        session.execute(update(Strategy).values(**values))


def put(workshop: WorkerHarness, event: EventId, **values: object) -> None:
    with workshop.sessions.begin() as session:
        session.execute(update(EventRow).where(EventRow.id == event).values(**values))


def test_an_event_whose_doorbell_was_lost_is_rung(workshop: WorkerHarness, sweeping: Sweeping) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.later(6)
    assert sweeping.sweep() == [event]


def test_an_event_that_came_just_now_is_left_to_its_own_doorbell(workshop: WorkerHarness, sweeping: Sweeping) -> None:
    workshop.arrives(signal("SIGNAL_OPEN"))
    assert sweeping.sweep() == []


def test_it_is_not_rung_again_within_the_interval_and_again_after_it(
    workshop: WorkerHarness, sweeping: Sweeping
) -> None:
    """All of Redis may be lost between two sweeps; the row is still there."""
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.later(6)
    assert sweeping.sweep() == [event]
    workshop.later(3)
    assert sweeping.sweep() == []
    workshop.later(3)
    assert sweeping.sweep() == [event]


def test_a_ring_that_was_not_heard_is_rung_again_later(workshop: WorkerHarness, sweeping: Sweeping) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.later(6)
    sweeping.heard = False
    assert sweeping.sweep() == [event]
    workshop.later(6)
    assert sweeping.sweep() == [event]


def test_one_event_a_strategy_is_rung_and_it_is_the_earliest(workshop: WorkerHarness, sweeping: Sweeping) -> None:
    first, _ = workshop.arrives(signal("SIGNAL_OPEN")), workshop.arrives(signal("SIGNAL_CLOSE"))
    other = workshop.arrives(signal("SIGNAL_OPEN", "y", strategy_id="s2"))
    workshop.later(6)
    assert sorted(sweeping.sweep()) == sorted([first, other])


def test_a_strategy_that_somebody_works_on_is_left_alone_until_the_lease_runs_out(
    workshop: WorkerHarness, sweeping: Sweeping
) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    put(workshop, event, state="executing")
    with workshop.sessions() as session:
        change(workshop, lease_owner="busy", lease_until=workshop.clock(session) + timedelta(seconds=60))
    workshop.later(30)
    assert sweeping.sweep() == []
    workshop.later(31)
    assert sweeping.sweep() == [event]


def test_an_event_that_waits_is_rung_when_it_is_due(workshop: WorkerHarness, sweeping: Sweeping) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    with workshop.sessions() as session:
        put(workshop, event, state="waiting", next_attempt_at=workshop.clock(session) + timedelta(seconds=60))
    workshop.later(30)
    assert sweeping.sweep() == []
    workshop.later(31)
    assert sweeping.sweep() == [event]


@pytest.mark.parametrize("state", ["done", "refused", "skipped", "parked"])
def test_what_is_over_or_parked_is_not_rung(workshop: WorkerHarness, sweeping: Sweeping, state: str) -> None:
    ended = None if state == "parked" else datetime.now(UTC)
    put(workshop, workshop.arrives(signal("SIGNAL_OPEN")), state=state, finished_at=ended)
    workshop.later(600)
    assert sweeping.sweep() == []


def test_a_second_worker_does_not_sweep_while_the_first_does_and_takes_over_when_it_stops(
    workshop: WorkerHarness, sweeping: Sweeping
) -> None:
    sweeping.sweep("one")
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    workshop.later(6)
    assert sweeping.sweep("two") == []
    assert sweeping.sweep("one") == [event]
    workshop.later(2 * INTERVAL + 1)
    assert sweeping.sweep("two") == [event]
    workshop.later(6)
    assert sweeping.sweep("one") == []


def test_every_worker_beats_its_heart_also_while_another_sweeps(workshop: WorkerHarness, sweeping: Sweeping) -> None:
    sweeping.sweep("one")
    sweeping.sweep("two")
    workshop.later(3)
    sweeping.sweep("two")
    with workshop.sessions() as session:
        seen = {row.name: row.seen_at for row in session.scalars(select(Worker))}
    assert seen["two"] - seen["one"] > timedelta(seconds=2.9)


def test_a_worker_that_died_long_ago_is_forgotten(workshop: WorkerHarness, sweeping: Sweeping) -> None:
    sweeping.sweep("one")
    workshop.later(2 * 86_400)
    sweeping.sweep("two")
    with workshop.sessions() as session:
        assert session.scalars(select(Worker.name)).all() == ["two"]


def test_instruments_are_refreshed_when_they_are_old_or_were_never_listed(
    workshop: WorkerHarness, sweeping: Sweeping
) -> None:
    sweeping.sweep()
    assert sweeping.refreshed == []
    workshop.later(601)
    sweeping.sweep()
    assert sweeping.refreshed == [workshop.account]
    with workshop.sessions.begin() as session:
        session.execute(update(Account).values(instruments_at=None))
    sweeping.sweep()
    assert sweeping.refreshed == [workshop.account] * 2
