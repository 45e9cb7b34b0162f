"""Events are executed, and somebody is told, while no doorbell can be heard: Redis is away, or nobody consumes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis
from sqlalchemy import select, update

from receiver.health import readiness
from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.database.tables.events import EventRow
from shared.database.tables.workers import SweepLease, Worker
from shared.domain import EventId
from shared.queue import canary
from shared.queue.celery_app import QUEUE
from shared.queue.doorbell import CANARY_TASK, Doorbell, is_reachable, make_celery, make_redis
from tests.support.eventually import eventually
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from tools.local import redis as embedded
from workers.sweep.queue_activity import QueueActivity
from workers.sweep.queue_fallback import THREADS, QueueFallback, QueueProbe
from workers.sweep.sweeper import Sweeper

INTERVAL = 0.05


@dataclass
class Sweeping:
    """A worker that sweeps and beats, and whose consumer was never started. `sweep` is called by the test."""

    workshop: WorkerHarness
    redis: Redis
    fallback: QueueFallback
    sweeper: Sweeper
    hearing: QueueActivity

    def state(self, event: EventId) -> str:
        return self.workshop.event(event).state

    def swept(self, event: EventId) -> str:
        """The state of an event after one more sweep."""
        self.sweeper.sweep()
        return self.state(event)

    def queued(self) -> list[str]:
        """The names of the tasks in the queue."""
        return ["canary" if CANARY_TASK.encode() in raw else "other" for raw in self.redis.lrange(QUEUE, 0, -1)]

    def due(self, position: str = "p1") -> EventId:
        """An event that came a minute ago, and whose doorbell nobody heard."""
        event = self.workshop.arrives(signal("SIGNAL_OPEN", position))
        with self.workshop.sessions.begin() as session:
            session.execute(update(EventRow).values(received_at=database_clock(session) - timedelta(minutes=1)))
        return event

    def silence(self, seconds: float) -> None:
        """The canary has been in the queue for so long."""
        with self.workshop.sessions.begin() as session:
            since = database_clock(session) - timedelta(seconds=seconds)
            session.execute(update(SweepLease).values(unheard_since=since, canary_at=since))

    def reasons(self) -> list[str]:
        return readiness(self.workshop.sessions, INTERVAL).reasons


@contextmanager
def sweeping(sessions: Sessions, url: str) -> Iterator[Sweeping]:
    """The parts of a worker as its composition root puts them together, less Celery's consumer."""
    workshop = open_workshop(sessions)
    doorbell = Doorbell(make_celery(url))
    fallback = QueueFallback(doorbell.ring, workshop.run)
    with make_redis(url) as redis, Redis.from_url(url) as raw:
        send: Callable[[float], bool] = lambda life: doorbell.send(CANARY_TASK, expires=life)  # noqa: E731
        listener = QueueProbe(sessions, lambda: is_reachable(redis), send, fallback, INTERVAL)
        duties = (listener.listen,)
        hearing = QueueActivity(slots=2)
        heard = hearing.seconds_ago
        sweeper = Sweeper(sessions, fallback.attend, lambda _: None, "worker", INTERVAL, heard=heard, duties=duties)
        yield Sweeping(workshop, raw, fallback, sweeper, hearing)
    fallback.close()


@pytest.fixture
def worker(sessions: Sessions, redis_url: str) -> Iterator[Sweeping]:
    with sweeping(sessions, redis_url) as made:
        yield made


def test_while_the_queue_is_heard_events_are_only_rung_for(worker: Sweeping) -> None:
    event = worker.due()
    assert worker.sweeper.sweep() == 1
    assert worker.state(event) == "received"
    assert worker.queued() == ["canary", "other"]
    assert worker.reasons() == []


def test_a_canary_that_nobody_hears_is_told_and_events_are_executed_all_the_same(worker: Sweeping) -> None:
    worker.sweeper.sweep()
    worker.silence(seconds=20)
    (reason,) = worker.reasons()
    assert "alive but do not hear the queue" in reason
    worker.sweeper.sweep()
    event = worker.due()
    worker.sweeper.sweep()
    eventually(lambda: _assert_is(worker.state(event), "done"))
    assert worker.workshop.broker.sides() == ["BUY 10"]
    assert worker.queued() == ["canary"]


def test_the_fallback_ends_when_a_worker_hears_again(worker: Sweeping) -> None:
    worker.sweeper.sweep()
    worker.silence(seconds=20)
    worker.sweeper.sweep()
    with worker.workshop.sessions.begin() as session:
        canary.consumed(session, "worker", database_clock(session))
    assert worker.reasons() == []
    worker.sweeper.sweep()
    event = worker.due()
    worker.sweeper.sweep()
    assert worker.state(event) == "received"
    assert worker.queued() == ["other", "canary"]  # the first still waits; who has just consumed a task needs no other


def test_a_queue_that_is_being_drained_is_heard_and_gets_no_canary_a_sweep(worker: Sweeping) -> None:
    worker.sweeper.sweep()
    for _ in range(5):
        worker.silence(seconds=50)  # it waits behind a backlog
        with worker.workshop.sessions.begin() as session:
            canary.consumed(session, "worker", database_clock(session))
        worker.sweeper.sweep()
        assert worker.reasons() == []
        assert not worker.fallback.deaf
    assert worker.queued() == ["canary"]


def test_a_canary_behind_a_long_backlog_that_is_being_drained_is_no_silence(worker: Sweeping) -> None:
    worker.sweeper.sweep()
    (canary_,) = worker.redis.lrange(QUEUE, 0, -1)
    for _ in range(5):  # two minutes, in which one doorbell after another is taken, and the canary stays where it is
        worker.silence(seconds=30)
        with worker.hearing.task():
            pass
        worker.sweeper.sweep()
        assert worker.reasons() == []
        assert not worker.fallback.deaf
        assert canary_ in worker.redis.lrange(QUEUE, 0, -1)


def test_canaries_do_not_pile_up_while_nobody_consumes(worker: Sweeping) -> None:
    for _ in range(5):
        worker.sweeper.sweep()
    assert worker.queued() == ["canary"]
    worker.silence(seconds=61)
    for _ in range(5):
        worker.sweeper.sweep()
    assert worker.queued() == ["canary", "canary"]


def test_a_canary_leaves_the_queue_by_itself(worker: Sweeping) -> None:
    worker.sweeper.sweep()
    (message,) = worker.redis.lrange(QUEUE, 0, -1)
    assert b'"expires": "20' in message


def test_a_worker_that_takes_over_begins_anew(worker: Sweeping) -> None:
    worker.sweeper.sweep()
    worker.silence(seconds=3600)
    with worker.workshop.sessions.begin() as session:
        past = database_clock(session) - timedelta(seconds=1)
        session.execute(update(SweepLease).values(owner="gone", until=past))
    worker.sweeper.sweep()
    assert worker.reasons() == []


def test_the_beat_tells_of_tasks_that_were_taken_from_the_queue(sessions: Sessions) -> None:
    sweeper = Sweeper(sessions, lambda _: True, lambda _: None, "worker", INTERVAL, heard=lambda: 3.0)
    sweeper.sweep()
    with sessions() as session:
        row = session.scalars(select(Worker)).one()
        assert row.consumed_at == row.seen_at - timedelta(seconds=3)


def test_trading_goes_on_when_redis_stops(sessions: Sessions, services_folder: Path) -> None:
    folder = services_folder / "stopped"
    folder.mkdir(exist_ok=True)
    (folder / "log").mkdir(exist_ok=True)
    with embedded.running(folder) as url, sweeping(sessions, url) as worker:
        worker.sweeper.sweep()
        assert worker.queued() == ["canary"]
        worker.redis.shutdown(nosave=True)
        opened, other = worker.due("A"), worker.workshop.arrives(signal("SIGNAL_OPEN", "B", strategy_id="s2"))
        eventually(lambda: _assert_is(worker.swept(opened), "done"))
        eventually(lambda: _assert_is(worker.swept(other), "done"))  # it is only due when it has waited an interval
        worker.silence(seconds=20)
        worker.sweeper.sweep()
        assert worker.reasons() == []  # Redis is away: that says nothing about who would hear it


def test_the_fallback_does_not_take_up_what_it_has_in_hand_and_ends_with_it(sessions: Sessions) -> None:
    begun, go_on, executed = threading.Semaphore(0), threading.Event(), []

    def execute(event: EventId) -> None:
        begun.release()
        go_on.wait(10)
        executed.append(event)

    fallback = QueueFallback(lambda _: False, execute)
    events = [EventId(number) for number in range(THREADS + 2)]
    assert all(fallback.attend(event) for event in events)
    for _ in range(THREADS):
        assert begun.acquire(timeout=10)
    assert not fallback.attend(events[0])
    closing = threading.Thread(target=fallback.close)
    closing.start()
    go_on.set()
    closing.join(10)
    assert sorted(executed) == events[:THREADS]
    assert not fallback.attend(EventId(99))


def test_an_event_that_fails_does_not_end_the_fallback() -> None:
    executed = []

    def execute(event: EventId) -> None:
        executed.append(event)
        if event == 1:
            raise ValueError("poison")

    fallback = QueueFallback(lambda _: False, execute)
    fallback.attend(EventId(1))
    eventually(lambda: _assert_is(fallback.attend(EventId(1)), True))
    fallback.attend(EventId(2))
    eventually(lambda: _assert_is(sorted(set(executed)), [1, 2]))
    fallback.close()


def _assert_is(value: object, expected: object) -> None:
    assert value == expected
