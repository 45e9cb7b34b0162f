"""The lease of a strategy: one owner at a time, a fence that grows, and nothing for who has lost it."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from shared.database.engine import Sessions
from shared.domain import EventId
from shared.errors import LeaseLost
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from workers.execution import lease as leases
from workers.execution.lease import Lease

T0 = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    return open_workshop(sessions)


@pytest.fixture
def event(workshop: WorkerHarness) -> EventId:
    return workshop.arrives(signal("SIGNAL_OPEN"))


def claim(workshop: WorkerHarness, event: EventId, owner: str, after: float = 0) -> Lease | None:
    with workshop.sessions.begin() as session:
        return leases.claim(session, event, owner, T0 + timedelta(seconds=after), 60, monotonic=after)


def claimed(workshop: WorkerHarness, event: EventId, owner: str, after: float = 0) -> Lease:
    lease = claim(workshop, event, owner, after)
    assert lease is not None
    return lease


def renew(workshop: WorkerHarness, lease: Lease, after: float) -> Lease:
    with workshop.sessions.begin() as session:
        return leases.renew(session, lease, T0 + timedelta(seconds=after), monotonic=after)


def release(workshop: WorkerHarness, lease: Lease) -> None:
    with workshop.sessions.begin() as session:
        leases.release(session, lease)


def test_one_of_two_gets_it(workshop: WorkerHarness, event: EventId) -> None:
    assert claim(workshop, event, "one") is not None
    assert claim(workshop, event, "two") is None


def test_two_events_of_one_strategy_share_it(workshop: WorkerHarness, event: EventId) -> None:
    claimed(workshop, event, "one")
    assert claim(workshop, workshop.arrives(signal("SIGNAL_CLOSE")), "two") is None
    assert claim(workshop, workshop.arrives(signal("SIGNAL_OPEN", strategy_id="s2", position="x")), "two") is not None


def test_nobody_takes_it_for_an_event_that_has_ended(workshop: WorkerHarness, event: EventId) -> None:
    workshop.run(event)
    waiting = workshop.arrives(signal("SIGNAL_CLOSE"))
    assert claim(workshop, event, "one") is None
    assert claim(workshop, waiting, "one") is not None


def test_the_fence_grows_with_every_claim_and_only_then(workshop: WorkerHarness, event: EventId) -> None:
    first = claimed(workshop, event, "one")
    assert renew(workshop, first, 1).fence == first.fence
    release(workshop, first)
    assert claimed(workshop, event, "one").fence == first.fence + 1


def test_a_lease_that_is_released_can_be_claimed_at_once(workshop: WorkerHarness, event: EventId) -> None:
    release(workshop, claimed(workshop, event, "one"))
    assert claim(workshop, event, "two") is not None


@pytest.mark.parametrize(("after", "taken"), [(59.9, False), (60, False), (60.1, True)])
def test_a_lease_is_taken_over_when_it_has_run_out(
    workshop: WorkerHarness, event: EventId, after: float, taken: bool
) -> None:
    claimed(workshop, event, "one")
    assert (claim(workshop, event, "two", after) is not None) is taken


def test_a_renewed_lease_lasts_its_whole_time_again(workshop: WorkerHarness, event: EventId) -> None:
    lease = renew(workshop, claimed(workshop, event, "one"), 50)
    assert lease.expires == 110
    assert claim(workshop, event, "two", 100) is None


def test_a_lease_that_ran_out_and_was_not_taken_is_still_ours(workshop: WorkerHarness, event: EventId) -> None:
    assert renew(workshop, claimed(workshop, event, "one"), 500).expires == 560


def test_who_was_taken_over_cannot_renew(workshop: WorkerHarness, event: EventId) -> None:
    lost = claimed(workshop, event, "one")
    claimed(workshop, event, "two", 61)
    with pytest.raises(LeaseLost):
        renew(workshop, lost, 62)


def test_the_same_worker_with_an_older_fence_is_somebody_else(workshop: WorkerHarness, event: EventId) -> None:
    lost = claimed(workshop, event, "one")
    claimed(workshop, event, "one", 61)
    with pytest.raises(LeaseLost):
        renew(workshop, lost, 62)


def test_who_was_taken_over_does_not_release_the_other_ones_lease(workshop: WorkerHarness, event: EventId) -> None:
    lost = claimed(workshop, event, "one")
    claimed(workshop, event, "two", 61)
    release(workshop, lost)
    assert workshop.strategy().lease_owner == "two"


def test_it_is_believed_no_longer_than_it_lasts(workshop: WorkerHarness, event: EventId) -> None:
    lease = claimed(workshop, event, "one")
    assert lease.covers(59, monotonic=0)
    assert not lease.covers(60, monotonic=0)
    assert not lease.covers(1, monotonic=59)


def test_a_renewal_keeps_another_claim_waiting_until_its_transaction_ends(
    workshop: WorkerHarness, event: EventId
) -> None:
    """So what is written in the same transaction is written by the owner, or not at all."""
    lease = claimed(workshop, event, "one")
    renewed, finish = threading.Event(), threading.Event()
    taken: list[Lease | None] = []

    def hold(session: Session) -> None:
        leases.renew(session, lease, T0 + timedelta(seconds=61), monotonic=61)
        renewed.set()
        assert finish.wait(10)

    def work() -> None:
        with workshop.sessions.begin() as session:
            hold(session)

    worker = threading.Thread(target=work)
    rival = threading.Thread(target=lambda: taken.append(claim(workshop, event, "two", 62)))
    worker.start()
    assert renewed.wait(10)
    rival.start()
    rival.join(0.2)
    assert rival.is_alive()
    finish.set()
    worker.join(10)
    rival.join(10)
    assert taken == [None]


def test_many_claims_at_once_have_one_winner(workshop: WorkerHarness, event: EventId) -> None:
    won: list[Lease | None] = []
    ready = threading.Barrier(5)

    def race(owner: str) -> None:
        ready.wait(10)
        won.append(claim(workshop, event, owner))

    threads = [threading.Thread(target=race, args=[f"w{number}"]) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(won) == 5
    assert len([lease for lease in won if lease is not None]) == 1
