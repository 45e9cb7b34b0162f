"""The two processes of the crash tests: the real receiver and the real worker, each with boundaries that count.

They are forked from a process that has loaded everything and connected to nothing. A pipe takes the place of Redis:
what is lost when a process dies is lost, as it is there.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

import structlog

from receiver.app import make_routes
from receiver.authentication import AccountCache, Throttle
from receiver.group_commit import GroupCommit
from receiver.outcome_waiter import OutcomeWaiter
from receiver.precheck import InstrumentCache
from receiver.protocol_versions import VersionLog
from receiver.webhook import ReceiverContext
from shared.domain import AccountId, EventId
from tests.faults.points import Moment, Points, WatchedBroker, WatchedDoorbell, watched_sessions
from tests.support.in_process_bridge import NoRedis
from workers.brokers.account_brokers import AccountBrokers
from workers.brokers.base import Broker
from workers.execution.context import WorkerContext
from workers.execution.run import execute_event
from workers.sweep.sweeper import Sweeper

LEASE_SECONDS = 30.0  # ended by the test where a process died: that is what the passing of time does
FASTER = -0.9  # retries follow each other twenty times as fast: 0.05 s instead of 1 s at most


@dataclass(frozen=True)
class Role:
    """What a process is told when it starts. `wait`: of the receiver. `die_at`: its last point, if any."""

    database_url: str
    secret_key: str
    wait: float
    grace: float
    die_at: Moment | None


class Line:
    """The pipe to the test, for several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def say(self, *words: object) -> None:
        with self._lock:
            self._connection.send(words)

    def heard(self) -> Iterator[tuple[Any, ...]]:
        """What the test says, until it hangs up."""
        while True:
            try:
                yield self._connection.recv()
            except (EOFError, OSError):
                return


def receiver(connection: Connection, role: Role) -> None:
    """Takes deliveries one after another, in a thread of their own; announcements come in between."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    line = Line(connection)
    points = Points(role.die_at, lambda name: line.say("dying", name))
    waiting = OutcomeWaiter(NoRedis(), places=4)  # type: ignore[arg-type]  # never listens: it is told of outcomes below
    client = make_routes(_desk(line, points, role, waiting), sweep_interval=1.0).test_client()
    deliveries: SimpleQueue[tuple[bytes, dict[str, str]]] = SimpleQueue()

    def take() -> None:
        while True:
            body, headers = deliveries.get()
            response = client.post("/webhooks/proquant", data=body, headers=headers)
            line.say("answer", response.status_code, response.data, dict(response.headers))

    threading.Thread(target=take, daemon=True).start()
    for word, *rest in line.heard():
        match word:
            case "deliver":
                deliveries.put((rest[0], rest[1]))
            case "announce":
                waiting.announce(EventId(rest[0]))
            case _:
                _common(line, points, word)


def _desk(line: Line, points: Points, role: Role, waiting: OutcomeWaiter) -> ReceiverContext:
    sessions = watched_sessions(role.database_url, points)
    doorbell = WatchedDoorbell(points, lambda event: line.say("ring", event))
    writer = GroupCommit(sessions, doorbell.ring)
    return ReceiverContext(
        sessions=sessions,
        directory=AccountCache(sessions),
        throttle=Throttle(pause=lambda _: None),
        instruments=InstrumentCache(sessions),
        versions=VersionLog(sessions),
        doorbell=doorbell,  # type: ignore[arg-type]  # the test carries it on
        waiting=waiting,
        wait=role.wait,
        now=lambda: datetime.now(UTC),
        writer=writer,
    )


def worker(connection: Connection, role: Role) -> None:
    """Does what it is rung for, one doorbell after another, and sweeps when it is told that it is time to."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    line = Line(connection)
    points = Points(role.die_at, lambda name: line.say("dying", name))
    bench = _bench(line, points, role)
    doorbell = WatchedDoorbell(points, lambda event: line.say("ring", event))
    sessions = watched_sessions(role.database_url, points)
    sweeper = Sweeper(sessions, doorbell.ring, lambda _: None, bench.owner(), interval=0.0)
    for word, *rest in line.heard():
        match word:
            case "ring":
                execute_event(bench, EventId(rest[0]))
                line.say("idle")
            case "sweep":
                sweeper.sweep()
                line.say("idle")
            case _:
                _common(line, points, word)


def _bench(line: Line, points: Points, role: Role) -> WorkerContext:
    sessions = watched_sessions(role.database_url, points)
    adapters = AccountBrokers(sessions, role.secret_key)
    watched: dict[AccountId, WatchedBroker] = {}

    def broker(account: AccountId) -> Broker:
        if account not in watched:
            watched[account] = WatchedBroker(adapters.of(account), points, lambda *call: line.say("call", *call))
        return watched[account]

    return WorkerContext(
        sessions=sessions,
        owner=lambda: f"worker {threading.get_native_id()}",
        broker=broker,
        announce=lambda event: points.around("announcement", lambda: line.say("announce", event)),
        wake=lambda _event, _at: None,  # an alarm that is lost: the sweep must do
        stopping=lambda: False,
        lease=LEASE_SECONDS,
        open_max_age=300.0,
        reorder_grace=role.grace,
        jitter=lambda: FASTER,
    )


def _common(line: Line, points: Points, word: str) -> None:
    match word:
        case "report":
            line.say("passed", points.passed[:])
        case "disarm":
            points.die_at = None
            line.say("disarmed")
        case _:
            raise ValueError(f"{word!r} means nothing here")
