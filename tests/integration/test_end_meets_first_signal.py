"""The end of an integration and the very first signal of a strategy, at one instant: in an order that locks force.

Two connections, and a worker on a third: each goes on until it has done its part or waits for another one's lock.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event as Gate

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import text
from sqlalchemy.orm import Session

from shared.accounts import accounts, integrations
from shared.accounts.integrations import Attempt
from shared.accounts.orphan_policy import Policy
from shared.database.engine import Sessions
from shared.domain import Envelope, Event, EventId
from shared.inbox import store as inbox
from shared.inbox.store_batch import SignalDelivery, store_new
from tests.support.eventually import eventually
from tests.support.in_process_bridge import lifecycle, signal
from tests.support.worker_harness import WorkerHarness, open_workshop

Store = Callable[[Session], EventId]
PATIENT = text("SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0")
BLOCKED = text(
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
)


class Deal:
    """A transaction in a thread of its own: it does its part, and commits when it is told to."""

    def __init__(self, pool: ThreadPoolExecutor, sessions: Sessions, store: Store) -> None:
        self.stored = Gate()
        self._go_on = Gate()
        self._sessions = sessions
        self._future: Future[EventId] = pool.submit(self._run, store)

    def commit(self) -> None:
        self._go_on.set()

    def result(self) -> EventId:
        return self._future.result(30)

    def _run(self, store: Store) -> EventId:
        with self._sessions.begin() as session:
            session.execute(PATIENT)  # on a busy machine the others may take long
            event = store(session)
            self.stored.set()
            assert self._go_on.wait(30)
            return event


class Scene:
    """An account that closes what is orphaned, and an integration of it; a worker that is rung when a test says so."""

    def __init__(self, workshop: WorkerHarness, pool: ThreadPoolExecutor) -> None:
        self.workshop = workshop
        self.pool = pool
        with workshop.sessions.begin() as session:
            accounts.set_policy(session, "alice", Policy.CLOSE, Policy.CLOSE)
            begun = integrations.begin_request(
                session, "alice", "ann@example.com", "Ann", Fernet.generate_key().decode()
            )
            assert isinstance(begun, Attempt)
            integrations.requested(session, begun.integration)
        self.integration = begun.integration

    def deal(self, store: Store) -> Deal:
        return Deal(self.pool, self.workshop.sessions, store)

    def storing(self, event: Event) -> Store:
        account, envelope, integration = self.workshop.account, Envelope("v1", None, (), event), self.integration
        return lambda session: inbox.add(session, account, envelope, "", answered=True, integration=integration).event

    def rung(self, event: EventId) -> Future[None]:
        return self.pool.submit(self.workshop.run, event)

    def come_to_rest(self, *parts: Callable[[], bool]) -> None:
        """Returns when each part is done, or as many as are not wait for a lock: nobody can go on by himself."""

        def nobody_goes_on() -> None:
            with self.workshop.sessions() as session:
                blocked = session.execute(BLOCKED).scalar_one()
            assert blocked == sum(not done() for done in parts)

        eventually(nobody_goes_on)


def alone(scene: Scene) -> Store:
    """The signal, as its own request stores it."""
    return scene.storing(signal("SIGNAL_OPEN"))


def together(scene: Scene) -> Store:
    """The signal, as the writer stores it with others."""
    delivery = SignalDelivery(scene.workshop.account, "alice", scene.integration, "v1", signal("SIGNAL_OPEN"), "", True)

    def store(session: Session) -> EventId:
        (event,) = store_new(session, [delivery])
        assert event is not None
        return event

    return store


WAYS = [alone, together]
ENDS = ["INTEGRATION_DELETED", "INTEGRATION_REJECTED"]


@pytest.fixture
def scene(sessions: Sessions) -> Iterator[Scene]:
    with ThreadPoolExecutor(4) as pool:
        yield Scene(open_workshop(sessions), pool)


def nothing_is_left_open(scene: Scene, opened: EventId) -> None:
    """The signal was refused as the user's no demands, or what it has opened was closed by the account's policy."""
    workshop = scene.workshop
    with workshop.sessions() as session:
        follow_ups = session.scalars(text("SELECT id FROM events WHERE version = 'bridge'")).all()
    for event in follow_ups:
        workshop.run(EventId(event))
    row = workshop.event(opened)
    assert (row.state, row.error_type) in {("refused", "InvalidCredentials"), ("done", None)}
    assert workshop.broker.sides() == ([] if row.state == "refused" else ["BUY 10", "SELL 10"])
    assert workshop.held() == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("type_", ENDS)
def test_a_first_signal_that_is_being_stored_is_seen_by_the_end(
    scene: Scene, type_: str, way: Callable[[Scene], Store]
) -> None:
    """The signal's transaction is open while the end looks; it commits first, and a worker is quick."""
    opening = scene.deal(way(scene))
    assert opening.stored.wait(30)
    end = scene.deal(scene.storing(lifecycle(type_)))
    scene.come_to_rest(end.stored.is_set)
    opening.commit()
    opened = opening.result()
    assert end.stored.wait(30)
    worker = scene.rung(opened)
    scene.come_to_rest(worker.done)
    end.commit()
    end.result()
    worker.result(30)
    nothing_is_left_open(scene, opened)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("type_", ENDS)
def test_a_first_signal_that_comes_while_the_end_is_being_stored_opens_nothing(
    scene: Scene, type_: str, way: Callable[[Scene], Store]
) -> None:
    """The end has looked and has not committed; the signal wants to be stored and executed in between."""
    end = scene.deal(scene.storing(lifecycle(type_)))
    assert end.stored.wait(30)
    opening = scene.deal(way(scene))
    opening.commit()
    scene.come_to_rest(opening.stored.is_set)
    worker = scene.rung(opening.result()) if opening.stored.is_set() else None
    if worker is not None:
        scene.come_to_rest(worker.done)
    end.commit()
    end.result()
    opened = opening.result()
    scene.workshop.run(opened)
    nothing_is_left_open(scene, opened)
    assert scene.workshop.event(opened).state == "refused"
