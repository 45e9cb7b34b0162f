"""A broker in memory that keeps the contract of `workers.brokers.base`, with bad luck by the seed."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Protocol

from shared.accounts.instrument import Instrument, TradingHours
from shared.domain import BrokerOrderId, ErrorType, Leg, OrderState
from shared.ledger.reports import Fill, OrderReport, known_to_broker
from tests.simulation.books import Books, Call, Entry
from tests.simulation.faults import Fault, Faults
from tests.simulation.scheduler import Scheduler
from tests.simulation.stories import BEGINNING, TICKERS
from workers.brokers.base import (
    AccountSummary,
    BrokerPosition,
    BrokerUnavailable,
    Capabilities,
    OrderRejected,
    OrderRequest,
    OutcomeUnknown,
)

DEADLINE_SECONDS = 15.0
PRICE = Decimal(100)
SUBMIT_FAULTS = (
    Fault.UNAVAILABLE,
    Fault.ACCEPTED_TIMEOUT,
    Fault.LOST_TIMEOUT,
    Fault.REJECTED,
    Fault.REJECTED_TIMEOUT,
    Fault.PARTIAL,
    Fault.WORKING_FILLED,
    Fault.WORKING_PARTIAL,
    Fault.WORKING_CANCELLED,
)
OPEN_ERRORS = (ErrorType.INSUFFICIENT_FUNDS, ErrorType.MARKET_CLOSED, ErrorType.UNSUPPORTED_INSTRUMENT, None)
CLOSE_ERRORS = (ErrorType.MARKET_CLOSED, None)


class SimulatedBroker:
    """One account. `settle`: the declared settle time, which look-ups lag behind by at most.

    `marks`: whether it has to be asked before an order; then it finds none without its mark. `refuses_known`: of an id
    that its dedupe remembers it says no more than that.
    """

    def __init__(
        self,
        rng: random.Random,
        scheduler: Scheduler,
        faults: Faults,
        books: Books,
        settle: float,
        marks: bool,
        boundary: "Boundary",
    ) -> None:
        self.books = books
        self.capabilities = Capabilities(books.dedupe, True, settle, DEADLINE_SECONDS, marks=marks)
        self.bugs: list[BaseException] = []
        self.market_denials = 0
        self.hours: TradingHours | None = None
        self.refuses_known = False
        self._rng = rng
        self._scheduler = scheduler
        self._faults = faults
        self._settle = settle
        self._boundary = boundary

    def instruments(self) -> Sequence[Instrument]:
        one, most = Decimal(1), Decimal(1000)
        return [Instrument(t, f"{t}.s", one, most, one, "USD", hours=self.hours) for t in TICKERS]

    def account(self) -> AccountSummary:
        return AccountSummary("USD", Decimal(100000), Decimal(100000))

    def is_open(self, symbol: str, at: datetime) -> bool:
        self._boundary("asks the market")
        closed = self._faults.draw((Fault.MARKET_CLOSED,), 0.5) is not None
        self.market_denials += closed
        return not closed

    def mark(self) -> str | None:
        if self._faults.draw((Fault.MARK_UNAVAILABLE,), 2.0):
            raise BrokerUnavailable("the broker is down (simulated)")
        return str(len(self.books.entries))

    def submit(self, order: OrderRequest) -> OrderReport:
        """One attempt: first on its way, then in the books, then back. Each of the three can go wrong."""
        call = self._begin("submit", order)
        self._boundary(f"sends {order.leg} {order.side} {order.quantity} {_short(order)}", self._latency())
        fault = self._submit_fault(order)
        if fault is Fault.UNAVAILABLE:
            self._end(call, "unavailable")
            raise BrokerUnavailable("the broker is down (simulated)", self._rng.choice((None, 3.0)))
        if fault is Fault.LOST_TIMEOUT:
            return self._time_out(call, "lost")
        before = len(self.books.entries)
        entry = self._arrive(order, call, fault)
        repeated = len(self.books.entries) == before
        if fault in {Fault.ACCEPTED_TIMEOUT, Fault.REJECTED_TIMEOUT}:
            return self._time_out(call, entry.state, entry)
        self._boundary(f"hears {entry.state} {_short(order)}", self._latency())
        self._end(call, entry.state, entry)
        self.books.progress(self._scheduler.now)
        if entry.state == "rejected":
            raise OrderRejected(entry.error, "refused (simulated)")
        if repeated and self.refuses_known:
            return known_to_broker(order.client_order_id, "that id is taken (simulated)")
        return self._report(entry)

    def find(self, order: OrderRequest) -> OrderReport | None:
        """The newest order with this id, once it is visible. An order that was refused may be shown, or forgotten."""
        call = self._begin("find", order)
        self._boundary(f"looks up {_short(order)}", self._latency())
        if self._faults.draw((Fault.LOOKUP_UNAVAILABLE,), 3.0):
            self._end(call, "unavailable")
            raise BrokerUnavailable("the broker is down (simulated)")
        self.books.progress(self._scheduler.now)
        entry = self.books.latest(order)
        seen = entry is not None and entry.visible_at <= self._scheduler.now
        seen = seen and (order.mark is not None or not self.capabilities.marks)
        self._boundary(f"finds {entry.state if entry and seen else 'nothing'} {_short(order)}", self._latency())
        self._end(call, "found" if seen else "nothing")
        return self._report(entry) if entry is not None and seen else None

    def positions(self) -> Sequence[BrokerPosition]:
        return []

    def close(self) -> None:
        """Nothing to free."""

    def _submit_fault(self, order: OrderRequest) -> Fault | None:
        fault = self._faults.draw((*SUBMIT_FAULTS, Fault.GONE) if order.leg is Leg.CLOSE else SUBMIT_FAULTS, 5.0)
        if fault is Fault.GONE:
            self.books.liquidate(order.strategy_id, order.symbol)
        return fault

    def _arrive(self, order: OrderRequest, call: Call, fault: Fault | None) -> Entry:
        now = self._scheduler.now
        self.books.progress(now)
        call.outcome = "arrived"
        known = self.books.remembered(order)
        if known is not None:
            return known
        entry = self._judge(order, fault, now)
        entry.visible_at = max(entry.visible_at, self._visible_at(call, now))
        entry.late = now - call.began > DEADLINE_SECONDS
        self.books.entries.append(entry)
        self._scheduler.note(f"BOOKS {entry.state} {order.leg} {order.side} {entry.filled}/{order.quantity}")
        return entry

    def _visible_at(self, call: Call, now: float) -> float:
        """A look-up may miss the order until the settle time after the end of the submit, or its deadline."""
        latest = max(call.began + DEADLINE_SECONDS, now) + self._settle
        return now + self._rng.choice((0.0, 0.5, 0.99, 0.99)) * (latest - now)

    def _judge(self, order: OrderRequest, fault: Fault | None, now: float) -> Entry:
        before = self.books.net(order.strategy_id, order.symbol)
        entry = Entry(order, len(self.books.entries), now, late=False, state="filled", net_before=before)
        if before == 0 and (order.strategy_id, order.symbol) in self.books.outside and order.leg is Leg.CLOSE:
            fault = Fault.GONE
        part = Decimal(self._rng.randint(1, max(1, int(order.quantity) - 1)))
        part = part if part < order.quantity else Decimal(0)
        match fault:
            case Fault.REJECTED | Fault.REJECTED_TIMEOUT:
                entry.state = "rejected"
                entry.error = self._rng.choice(OPEN_ERRORS if order.leg is Leg.OPEN else CLOSE_ERRORS)
                entry.visible_at = self._rng.choice((now, float("inf")))
            case Fault.GONE:
                entry.state, entry.error = "rejected", ErrorType.POSITION_NOT_FOUND
            case Fault.PARTIAL if part:
                entry.state, entry.fills = "partially_filled", [part]
            case Fault.WORKING_FILLED | Fault.WORKING_PARTIAL | Fault.WORKING_CANCELLED:
                self._leave_working(entry, fault, part)
            case _:
                entry.fills = [order.quantity]
        if entry.state != "accepted":
            entry.finished_at = now
        return entry

    def _leave_working(self, entry: Entry, fault: Fault, part: Decimal) -> None:
        entry.state, entry.ends_at = "accepted", entry.at + self._rng.choice((0.0, 2.0, 10.0))
        if part and (fault is Fault.WORKING_PARTIAL or (fault is Fault.WORKING_FILLED and self._rng.random() < 0.5)):
            entry.fills = [part]
        if fault is Fault.WORKING_FILLED:
            entry.ends_with = entry.request.quantity - entry.filled

    def _time_out(self, call: Call, what: str, entry: Entry | None = None) -> OrderReport:
        self._boundary(f"hears nothing ({what})", 5.0)
        self._end(call, f"unknown ({what})", entry)
        raise OutcomeUnknown("no answer (simulated)")

    def _begin(self, kind: str, order: OrderRequest) -> Call:
        call = Call(kind, order.client_order_id, self._scheduler.now, self._scheduler.current)
        self.books.calls.append(call)
        return call

    def _end(self, call: Call, outcome: str, entry: Entry | None = None) -> None:
        call.outcome, call.ended = outcome, self._scheduler.now
        if entry is not None and entry.visible_at != float("inf"):
            entry.visible_at = min(entry.visible_at, self._scheduler.now + self._settle)

    def _latency(self) -> float:
        return self._rng.choice((0.0, 0.05, 0.6))

    def _report(self, entry: Entry) -> OrderReport:
        at = BEGINNING + timedelta(seconds=entry.at)
        fills = tuple(Fill(f"f{entry.number}-{n}", quantity, PRICE, at) for n, quantity in enumerate(entry.fills))
        return OrderReport(
            client_order_id=entry.request.client_order_id,
            broker_order_id=BrokerOrderId(f"b{entry.number}"),
            state=OrderState(entry.state),
            filled_quantity=entry.filled,
            average_price=PRICE if entry.filled else None,
            fills=fills,
            error=entry.error,
        )


class Boundary(Protocol):
    """What the world does at an edge of a broker call: called with a label and how long the way takes."""

    def __call__(self, label: str, seconds: float = 0.0) -> None: ...


def _short(order: OrderRequest) -> str:
    return order.client_order_id[:9]
