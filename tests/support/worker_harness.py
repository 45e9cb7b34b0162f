"""A worker's code on a real database with a broker that does as it is told: for tests of what happens between them."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from cryptography.fernet import Fernet
from sqlalchemy import select, update

from shared.accounts import accounts, instruments
from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.database.prepared import Link
from shared.database.tables.alerts import Alert
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.orders import OrderRow, PositionRow
from shared.domain import AccountId, BrokerOrderId, ClientOrderId, Envelope, Event, EventId, EventState, OrderState
from shared.inbox import store
from shared.ledger.reports import OrderReport
from tests.support.factories import GOLD
from workers.brokers.base import AccountSummary, BrokerPosition, Capabilities, Dedupe, Instrument, OrderRequest
from workers.execution.context import WorkerContext
from workers.execution.run import execute_event

CAPABILITIES = Capabilities(Dedupe.NONE, nets_positions=True, settle_seconds=0, deadline_seconds=0.2)


@dataclass
class ScriptedBroker:
    """Fills every order, except for those that `script` has something to say about: an error, or a state.

    A partial fill is half of what was asked for. `lost` are errors that are raised after the order has been accepted.
    """

    script: deque[BaseException | OrderState | None] = field(default_factory=deque)
    lost: bool = False
    searched: deque[Exception] = field(default_factory=deque)
    books: dict[ClientOrderId, OrderReport] = field(default_factory=dict)
    submitted: list[OrderRequest] = field(default_factory=list)
    capabilities: Capabilities = CAPABILITIES

    def instruments(self) -> Sequence[Instrument]:
        return (GOLD,)

    def account(self) -> AccountSummary:
        return AccountSummary("USD", Decimal(100_000), Decimal(100_000))

    def is_open(self, symbol: str, at: datetime) -> bool:
        return True

    def mark(self) -> str | None:
        return None

    def submit(self, order: OrderRequest) -> OrderReport:
        self.submitted.append(order)
        told = self.script.popleft() if self.script else None
        if isinstance(told, BaseException):
            if self.lost:
                self._accept(order, OrderState.FILLED)
            raise told
        return self._accept(order, told or OrderState.FILLED)

    def find(self, order: OrderRequest) -> OrderReport | None:
        if self.searched:
            raise self.searched.popleft()
        return self.books.get(order.client_order_id)

    def positions(self) -> Sequence[BrokerPosition]:
        return ()

    def close(self) -> None:
        self.books.clear()

    def sides(self) -> list[str]:
        """What is in the books, in the order in which it came there."""
        sent = {order.client_order_id: order for order in self.submitted}
        return [f"{sent[each].side} {report.filled_quantity:f}" for each, report in self.books.items()]

    def _accept(self, order: OrderRequest, state: OrderState) -> OrderReport:
        executed = {OrderState.FILLED: order.quantity, OrderState.PARTIALLY_FILLED: order.quantity / 2}
        filled = executed.get(state, Decimal(0))
        price = Decimal(2000) if filled else None
        report = OrderReport(order.client_order_id, BrokerOrderId(f"b{len(self.books)}"), state, filled, price)
        self.books[order.client_order_id] = report
        return report


@dataclass
class WorkerHarness:
    """One account, its broker, and a worker. Time is the database's, put forward by `later`."""

    sessions: Sessions
    account: AccountId
    broker: ScriptedBroker = field(default_factory=ScriptedBroker)
    woken: list[tuple[EventId, datetime]] = field(default_factory=list)
    announced: list[EventId] = field(default_factory=list)
    ahead: timedelta = timedelta()

    def arrives(self, event: Event, answered: bool = False) -> EventId:
        """The receiver has stored the event."""
        with self.sessions.begin() as session:
            return store.add(session, self.account, Envelope("v1", None, (), event), "", answered=answered).event

    def bench(self, **values: object) -> WorkerContext:
        """What the worker works with; each part to be replaced by the test that cares."""
        made = WorkerContext(
            sessions=self.sessions,
            owner=lambda: f"worker:{threading.get_ident()}",
            broker=lambda _: self.broker,
            announce=self.announced.append,
            wake=lambda event, at: self.woken.append((event, at)),
            stopping=lambda: False,
            lease=60,
            open_max_age=10**8,
            reorder_grace=0,
            clock=self.clock,
            jitter=lambda: 0.0,
        )
        return replace(made, **values)  # type: ignore[arg-type]  # a test names fields that exist

    def run(self, event: EventId, **values: object) -> None:
        """Rings the worker for this event, and lets it work until it has nothing to do."""
        execute_event(self.bench(**values), event)

    def clock(self, link: Link) -> datetime:
        """The database's time, and what the test has put it ahead by."""
        return database_clock(link) + self.ahead

    def later(self, seconds: float) -> None:
        """Puts the clock forward."""
        self.ahead += timedelta(seconds=seconds)

    def resolve(self, event: EventId) -> None:
        """A person hands a parked event back."""
        with self.sessions.begin() as session:
            changed = update(EventRow).where(EventRow.id == event, EventRow.state == EventState.PARKED)
            session.execute(changed.values(state=EventState.RECEIVED))

    def event(self, event: EventId) -> EventRow:
        """The event's row."""
        with self.sessions() as session:
            return session.get_one(EventRow, event)

    def states(self) -> list[str]:
        """The states of all events, in the order in which they arrived."""
        with self.sessions() as session:
            return list(session.scalars(select(EventRow.state).order_by(EventRow.id)))

    def orders(self) -> list[OrderRow]:
        """The ledger's orders, oldest first."""
        with self.sessions() as session:
            return list(session.scalars(select(OrderRow).order_by(OrderRow.id)))

    def held(self) -> list[PositionRow]:
        """What the ledger says is held."""
        with self.sessions() as session:
            return list(session.scalars(select(PositionRow).where(PositionRow.state == "open")))

    def alerts(self) -> list[str]:
        """The kinds of what a person was told."""
        with self.sessions() as session:
            return list(session.scalars(select(Alert.kind).order_by(Alert.id)))

    def strategy(self) -> Strategy:
        """The one strategy there is."""
        with self.sessions() as session:
            return session.scalars(select(Strategy)).one()


def open_workshop(sessions: Sessions) -> WorkerHarness:
    """A workshop with the account `alice`, who may trade gold at all hours."""
    with sessions.begin() as session:
        key = Fernet.generate_key().decode()
        account, _ = accounts.create(session, "alice", "scripted", {}, Decimal(1), key)
        instruments.replace(session, account, [GOLD])
    return WorkerHarness(sessions, account)
