"""A real worker process is told to stop, or is killed, in the middle of an order; or finds no Redis."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from honcho.environ import parse_procfile  # type: ignore[import-untyped]
from sqlalchemy import func, select, update

from shared.accounts import accounts, instruments
from shared.database.engine import Sessions
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.orders import OrderRow
from shared.database.tables.workers import Worker
from shared.domain import AccountId, Direction, Envelope, EventId, OrderState
from shared.inbox import store
from shared.queue.doorbell import Doorbell, make_celery
from tests.support.eventually import eventually
from tests.support.in_process_bridge import signal as signal_event
from tools.local.services import NOT_RUNNING_REDIS
from workers.brokers.paper import books
from workers.brokers.registry import make_broker

pytestmark = pytest.mark.acceptance

ROOT = Path(__file__).parents[2]
LATENCY_MS = 1000
START_SECONDS = 60.0  # a busy machine; it takes three otherwise
STOP_SECONDS = 20.0


@dataclass
class Site:
    """A database with the account `alice` on a slow paper broker, and worker processes that come and go."""

    sessions: Sessions
    environment: dict[str, str]
    account: AccountId
    folder: Path

    @contextmanager
    def worker(self, name: str, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
        """The worker of the Procfile, killed in the end if it still runs."""
        line = parse_procfile((ROOT / "Procfile").read_text()).processes["worker"]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                ["sh", "-c", f"exec {line}"],
                cwd=ROOT,
                env=self.environment | settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    def arrives(self, type_: str, position: str, direction: Direction = Direction.BUY) -> EventId:
        """The receiver has stored the event, and rung."""
        event = signal_event(type_, position, direction=direction)
        with self.sessions.begin() as session:
            stored = store.add(session, self.account, Envelope("v1", None, (), event), "", answered=True).event
        Doorbell(make_celery(self.environment["REDIS_URL"])).ring(stored)
        return stored

    def event(self, event: EventId) -> EventRow:
        with self.sessions() as session:
            return session.get_one(EventRow, event)

    def orders(self) -> list[tuple[str, str]]:
        """The ledger's orders: leg and state."""
        with self.sessions() as session:
            rows = session.execute(select(OrderRow.leg, OrderRow.state).order_by(OrderRow.id))
            return [(row.leg, row.state) for row in rows]

    def trades(self) -> list[str]:
        """What the broker's own books have accepted."""
        with self.sessions() as session:
            return [f"{order.side} {order.proquant_position_id}" for order in books.accepted_orders(session, "alice")]

    def awaits(self, *orders: tuple[str, str]) -> None:
        eventually(lambda: _assert_equal(self.orders(), list(orders)), timeout=START_SECONDS)

    def ends(self, event: EventId) -> None:
        eventually(lambda: _assert_equal(self.event(event).state, "done"), timeout=START_SECONDS)

    def lease(self) -> tuple[str | None, object]:
        with self.sessions() as session:
            row = session.scalars(select(Strategy)).one()
            return row.lease_owner, row.lease_until

    def time_passes(self) -> None:
        """The lease has run out, and what was being sent would have arrived long ago."""
        with self.sessions.begin() as session:
            session.execute(update(Strategy).values(lease_until=func.now()))
            session.execute(update(OrderRow).values(in_flight_until=func.now()))

    def hears(self) -> None:
        """A worker has answered a canary, or another task."""
        with self.sessions() as session:
            assert session.scalar(select(func.max(Worker.consumed_at))) is not None

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()


@pytest.fixture
def site(sessions: Sessions, database_url: str, redis_url: str, tmp_path: Path) -> Site:
    key = Fernet.generate_key().decode()
    chosen = {"database_url": database_url, "hours": "always", "latency_ms": str(LATENCY_MS)}
    broker = make_broker("paper", chosen, "alice")
    with sessions.begin() as session:
        account, _ = accounts.create(session, "alice", "paper", chosen, Decimal(1), key)
        instruments.replace(session, account, broker.instruments())
    broker.close()
    environment = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "BRIDGE_SECRET_KEY": key,
        "BRIDGE_SWEEP_INTERVAL_SECONDS": "0.3",
        "WORKER_CONCURRENCY": "2",
    }
    return Site(sessions, environment, account, tmp_path)


def test_sigterm_ends_the_order_in_hand_begins_no_other_and_leaves_the_rest_to_the_next_worker(site: Site) -> None:
    opened = site.arrives("SIGNAL_OPEN", "A")
    flip = site.arrives("SIGNAL_REOPEN", "B", Direction.SELL)
    with site.worker("first") as first:
        site.awaits(("open", "filled"), ("close", "submitting"))
        first.send_signal(signal.SIGTERM)
        assert first.wait(STOP_SECONDS) == 0, site.log("first")
    assert site.event(opened).state == "done"
    assert site.orders() == [("open", "filled"), ("close", "filled")]
    assert site.event(flip).state == "waiting"
    assert site.lease() == (None, None)
    with site.worker("second"):
        site.ends(flip)
    assert site.trades() == ["BUY A", "SELL B", "SELL B"]


def test_after_kill_9_another_worker_looks_the_order_up_and_there_is_one_order(site: Site) -> None:
    opened = site.arrives("SIGNAL_OPEN", "A")
    with site.worker("first") as first:
        site.awaits(("open", "submitting"))
        first.kill()
        first.wait()
    assert site.orders() == [("open", OrderState.SUBMITTING)]
    site.time_passes()
    with site.worker("second"):
        site.ends(opened)
        eventually(site.hears, timeout=START_SECONDS)
    assert "Asking the broker about the open leg." in site.log("second")
    assert site.trades() == ["BUY A"]
    assert site.orders() == [("open", "filled")]


def test_a_worker_that_finds_no_redis_trades_all_the_same_and_stops_when_told(site: Site) -> None:
    opened = site.arrives("SIGNAL_OPEN", "A")
    with site.worker("alone", REDIS_URL=NOT_RUNNING_REDIS) as alone:
        site.ends(opened)
        alone.send_signal(signal.SIGTERM)
        assert alone.wait(STOP_SECONDS) == 0, site.log("alone")
    assert site.trades() == ["BUY A"]


def _assert_equal(value: object, expected: object) -> None:
    assert value == expected
