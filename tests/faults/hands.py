"""A worker that a test holds in its own hands: the real code, run by the test's own thread, and its boundaries."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import func, update

from shared.database.engine import Sessions
from shared.database.tables.events import Strategy
from shared.database.tables.orders import OrderRow
from shared.domain import EventId
from tests.faults.points import Points, WatchedBroker, watched_sessions
from tests.support.in_process_bridge import Bridge
from tests.support.judge.observed import BrokerCall
from workers.brokers.account_brokers import AccountBrokers
from workers.execution.context import WorkerContext
from workers.execution.run import execute_event

LEASE_SECONDS = 20.0


class Hook(Points):
    """Does something at one point of a run, instead of dying there."""

    def __init__(self) -> None:
        super().__init__()
        self._where: Callable[[int, str], bool] = lambda _number, _name: False
        self._act: Callable[[str], None] = lambda _: None
        self.acted = False

    def arm(self, where: Callable[[int, str], bool], act: Callable[[str], None]) -> None:
        """From now on points are counted anew, and the first one for which `where` holds is acted at."""
        self.passed = []
        self.acted = False
        self._where, self._act = where, act

    def at(self, name: str) -> None:
        self.passed.append(name)
        if not self.acted and self._where(len(self.passed) - 1, name):
            self.acted = True
            self._act(name)


class Hand:
    """One worker. `pause`: seconds by which its own clock has been ahead since it was paused."""

    def __init__(self, name: str, database_url: str, secret_key: str) -> None:
        self.points = Hook()
        self.calls: list[BrokerCall] = []
        self.pause = 0.0
        self._name = name
        self._sessions = watched_sessions(database_url, self.points)
        self._adapters = AccountBrokers(self._sessions, secret_key)
        self._bench = self._make_bench()

    def run(self, event: EventId) -> None:
        """Answers a doorbell, as the Celery task does."""
        execute_event(self._bench, event)

    def close(self) -> None:
        self._adapters.close()
        self._sessions.kw["bind"].dispose()

    def _make_bench(self) -> WorkerContext:
        return WorkerContext(
            sessions=self._sessions,
            owner=lambda: self._name,
            broker=lambda account: WatchedBroker(self._adapters.of(account), self.points, self._note),
            announce=lambda _: self.points.around("announcement", lambda: None),
            wake=lambda _event, _at: None,
            stopping=lambda: False,
            lease=LEASE_SECONDS,
            open_max_age=300.0,
            reorder_grace=0.0,
            monotonic=lambda: time.monotonic() + self.pause,
            jitter=lambda: -0.9,  # retries follow each other twenty times as fast
        )

    def _note(self, client_order_id: str, kind: str, began: float, result: str, conclusive_from: float) -> None:
        self.calls.append(BrokerCall(client_order_id, kind, began, result, conclusive_from))


@contextmanager
def hand(name: str, bridge: Bridge) -> Iterator[Hand]:
    """A worker for this bridge."""
    worker = Hand(name, bridge.database_url, bridge.secret_key)
    try:
        yield worker
    finally:
        worker.close()


def unfinished(bridge: Bridge) -> list[EventId]:
    """The events that have neither ended nor been parked."""
    return [EventId(row.id) for row in bridge.events() if row.state not in {"done", "refused", "skipped", "parked"}]


def finish(bridge: Bridge, worker: Hand) -> None:
    """Lets a worker work until nothing is left."""
    deadline = time.monotonic() + 60
    while left := unfinished(bridge):
        worker.run(left[0])
        assert time.monotonic() < deadline, "events do not end"


def leases_end(sessions: Sessions) -> None:
    """Lets every lease run out, and with it the time in which a send may arrive: what the passing of time would do."""
    with sessions.begin() as session:
        session.execute(
            update(Strategy)
            .where(Strategy.lease_until.is_not(None))
            .values(lease_until=func.clock_timestamp() - timedelta(milliseconds=1))
        )
        session.execute(
            update(OrderRow)
            .where(OrderRow.in_flight_until > func.clock_timestamp())
            .values(in_flight_until=func.clock_timestamp())
        )
