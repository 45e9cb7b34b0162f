"""The whole bridge in one process: the real receiver and worker on a real database, without the hop through Redis."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

from cryptography.fernet import Fernet
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from receiver.answer_log import AnswerLog
from receiver.app import make_routes
from receiver.authentication import AccountCache, Throttle
from receiver.group_commit import GroupCommit
from receiver.outcome_waiter import OutcomeWaiter
from receiver.precheck import InstrumentCache
from receiver.protocol_versions import VersionLog
from receiver.webhook import ReceiverContext
from shared.accounts import accounts, instruments
from shared.database.engine import Sessions
from shared.database.tables.alerts import Alert
from shared.database.tables.events import EventRow
from shared.database.tables.orders import PositionRow
from shared.domain import Direction, Event, EventId, EventType, LifecycleEvent, SignalEvent
from shared.proquant.request import signal_body
from tests.support.eventually import eventually
from workers.brokers.account_brokers import AccountBrokers
from workers.brokers.paper import books
from workers.brokers.paper.books import AcceptedOrder
from workers.brokers.request_counter import RequestCounter
from workers.execution.context import WorkerContext
from workers.execution.run import execute_event
from workers.sweep.sweeper import Sweeper


class Timestamps:
    """The sender's clock: now, and always later than what it said last.

    Never a time that was read when the module was imported: a run of ten minutes ended with every OPEN expired.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last_ms = 0

    def next_ms(self) -> int:
        with self._lock:
            self._last_ms = max(self._last_ms + 1, int(time.time() * 1000))
            return self._last_ms


TIMESTAMPS = Timestamps()


def signal(type_: str, position: str = "p1", **values: object) -> SignalEvent:
    """A signal with defaults: ten units of gold, bought by strategy s1 now; later calls have later timestamps."""
    event = SignalEvent(
        type=EventType(type_),
        timestamp_ms=TIMESTAMPS.next_ms(),
        strategy_id="s1",
        strategy_name="Gold",
        proquant_position_id=position,
        direction=Direction.BUY,
        ticker="XAUUSD",
        quantity=Decimal(10),
    )
    return replace(event, **values)  # type: ignore[arg-type]  # a test names fields that exist


def lifecycle(type_: str, strategy_id: str = "") -> LifecycleEvent:
    """A lifecycle event of now."""
    return LifecycleEvent(EventType(type_), TIMESTAMPS.next_ms(), strategy_id)


@dataclass
class Bridge:
    """What a test does with the bridge, and sees of it."""

    sessions: Sessions
    client: FlaskClient
    database_url: str
    secret_key: str
    answered: AnswerLog  # writes nothing down before it is told to
    account: str = "alice"
    token: str = ""
    rung: list[EventId] = field(default_factory=list)

    def open_account(self, name: str = "alice", multiplier: str = "1", kind: str = "paper", **settings: str) -> str:
        """An account at a broker, the paper broker open at all hours; returns its token, which `post` uses from now on.

        What is sent to another broker stands in that broker's books: `orders`, `trades` and `net` read the paper one's.
        """
        paper = {"database_url": self.database_url, "hours": "always"}
        chosen = {**(paper if kind == "paper" else {}), **settings}
        with self.sessions.begin() as session:
            account, token = accounts.create(session, name, kind, chosen, Decimal(multiplier), self.secret_key)
            broker = AccountBrokers(self.sessions, self.secret_key)
            session.commit()
        with self.sessions.begin() as session:
            instruments.replace(session, account, broker.of(account).instruments())
        broker.close()
        self.account, self.token = name, token
        return token

    def post(self, event: Event | bytes, token: str | None = None, **headers: str) -> TestResponse:
        """Sends the event as ProQuant does."""
        body = event if isinstance(event, bytes) else signal_body(event)
        all_headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json", **headers}
        return self.client.post("/webhooks/proquant", data=body, headers=all_headers)

    def orders(self, account: str | None = None) -> list[AcceptedOrder]:
        """What the broker's own books have accepted, in that order."""
        with self.sessions() as session:
            return books.accepted_orders(session, account or self.account)

    def trades(self) -> list[str]:
        """The broker's orders in short: side, quantity, position."""
        return [f"{order.side} {order.quantity.normalize():f} {order.proquant_position_id}" for order in self.orders()]

    def net(self) -> Mapping[str, Decimal]:
        """The account's net positions at the broker."""
        with self.sessions() as session:
            return books.net_positions(session, self.account)

    def events(self) -> list[EventRow]:
        """The inbox, oldest first."""
        with self.sessions() as session:
            return list(session.scalars(select(EventRow).order_by(EventRow.id)))

    def open_positions(self) -> list[PositionRow]:
        """What the ledger says is held."""
        with self.sessions() as session:
            return list(session.scalars(select(PositionRow).where(PositionRow.state == "open")))

    def alerts(self) -> list[Alert]:
        """What a person was told."""
        with self.sessions() as session:
            return list(session.scalars(select(Alert).order_by(Alert.id)))

    def settled(self, timeout: float = 60.0) -> None:
        """Returns when every event is finished or parked."""

        def nothing_is_left() -> None:
            assert [row.id for row in self.events() if row.state not in {"done", "refused", "skipped", "parked"}] == []

        eventually(nothing_is_left, timeout)


@contextmanager
def running(
    sessions: Sessions,
    database_url: str,
    wait: float = 5.0,
    grace: float = 0.3,
    slots: int = 4,
    deaf: bool = False,
    max_age: float = 300.0,
    sweep: float = 0.5,
    lease: float = 60.0,
    meter: RequestCounter | None = None,
    places: int = 24,
) -> Iterator[Bridge]:
    """A bridge whose doorbell starts the worker's code in one of `slots` threads; with `deaf`, only the sweep does."""
    secret_key = Fernet.generate_key().decode()
    pool = ThreadPoolExecutor(slots)
    tasks: list[Future[None]] = []
    waiting = OutcomeWaiter(NoRedis(), places)  # type: ignore[arg-type]  # never listens: outcomes are announced directly
    adapters = AccountBrokers(sessions, secret_key, meter)

    def ring(event: EventId) -> bool:
        tasks.append(pool.submit(execute_event, bench, event))
        return True

    sweeper = Sweeper(sessions, ring, lambda _: None, "test-worker", sweep)
    bench = WorkerContext(
        sessions=sessions,
        owner=lambda: f"test-worker:{threading.get_ident()}",
        broker=adapters.of,
        announce=waiting.announce,
        wake=sweeper.wake,
        stopping=lambda: False,
        lease=lease,
        open_max_age=max_age,
        reorder_grace=grace,
    )
    doorbell = DeafDoorbell() if deaf else DirectDoorbell(ring)
    writer = GroupCommit(sessions, doorbell.ring)
    answered = AnswerLog(sessions)
    desk = ReceiverContext(
        sessions=sessions,
        directory=AccountCache(sessions),
        throttle=Throttle(pause=lambda _: None),
        instruments=InstrumentCache(sessions),
        versions=VersionLog(sessions),
        doorbell=doorbell,  # type: ignore[arg-type]  # they ring no Redis
        waiting=waiting,
        wait=wait,
        now=lambda: datetime.now(UTC),
        writer=writer,
        answered=answered.note,
    )
    sweeping = threading.Thread(target=sweeper.run)
    sweeping.start()
    bridge = Bridge(sessions, make_routes(desk, sweep).test_client(), database_url, secret_key, answered)
    try:
        yield bridge
    finally:
        writer.close()
        sweeper.stop()
        sweeping.join()
        pool.shutdown(cancel_futures=True)
        adapters.close()
    for task in tasks:
        if not task.cancelled():
            task.result()


@dataclass
class DirectDoorbell:
    """Rings the worker's code itself."""

    heard: Callable[[EventId], bool]

    def ring(self, *events: EventId) -> bool:
        heard = [self.heard(event) for event in events]
        return all(heard)


class DeafDoorbell:
    """A Redis that is down."""

    def ring(self, *events: EventId) -> bool:
        return False


class NoRedis:
    """Nothing is heard from it, since `OutcomeWaiter.start` is never called."""
