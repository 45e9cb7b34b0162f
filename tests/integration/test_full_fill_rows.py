"""Both ways of booking an order that was filled at once and whole leave the same rows: every table, every column."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from itertools import product

import pytest
from sqlalchemy import Table, select
from sqlalchemy.orm import Session

from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.database.tables.events import EventRow
from shared.database.tables.orders import OrderRow
from shared.domain import BrokerOrderId, Direction, EventId, OrderState, SignalEvent
from shared.ledger import full_fill
from shared.ledger.reports import Fill, OrderReport
from shared.situation.load import load_situation
from shared.situation.model import Order
from tests.support.factories import LIMITS
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from workers.decision.full_fill import DONE, is_complete_fill
from workers.decision.planning import next_step
from workers.decision.steps import BrokerAnswers, Reported
from workers.execution.recording import record_answer, record_step

OPEN = (signal("SIGNAL_OPEN", "p1"),)
CLOSE = (*OPEN, signal("SIGNAL_CLOSE", "p1"))
REOPEN = (*OPEN, signal("SIGNAL_REOPEN", "p2", direction=Direction.SELL))
# Ids of a sequence, which goes on after a rollback, and times of the moment: only whether there is one.
BY_WAY = {
    *(("fills", "id"), ("positions", "id"), ("orders", "position_id")),
    *(("orders", "updated_at"), ("positions", "closed_at")),
}
FILLED_AT = datetime(2026, 1, 5, 12, tzinfo=UTC)

Rows = dict[str, list[dict[str, object]]]


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    return open_workshop(sessions)


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "waited for"])
@pytest.mark.parametrize("signals", [OPEN, CLOSE, REOPEN], ids=["OPEN", "CLOSE", "REOPEN"])
def test_both_ways_leave_the_same_rows(
    workshop: WorkerHarness, signals: tuple[SignalEvent, ...], answered: bool
) -> None:
    event = sent_and_not_heard_of(workshop, signals, answered)
    with workshop.sessions() as session:
        order = load_situation(session, event).orders[-1]
        assert order.state is OrderState.SUBMITTING
        now = database_clock(session)
        for report in reports(order):
            short, long = (booked(session, partial(way, session, order, report, now)) for way in (one, several))
            assert short == long, report


def sent_and_not_heard_of(workshop: WorkerHarness, signals: tuple[SignalEvent, ...], answered: bool) -> EventId:
    """The last of the signals has sent its last order, and the process died of the answer."""
    *before, last = signals
    for earlier in before:
        workshop.run(workshop.arrives(earlier))
    event = workshop.arrives(last, answered)
    workshop.broker.script.extend([None] * (signals is REOPEN) + [SystemExit()])
    with pytest.raises(SystemExit):
        workshop.run(event)
    return event


def reports(order: Order) -> Iterator[OrderReport]:
    """All that a report of a whole fill may say or leave out."""
    whole = OrderReport(order.client_order_id, None, OrderState.FILLED, order.quantity, None)
    fills = ((), (Fill("f1", order.quantity, Decimal("1999.5"), FILLED_AT),))
    ids, prices = (None, BrokerOrderId(""), BrokerOrderId("b1")), (None, Decimal("1999.75"))
    for of_broker, price, told, trade, reason in product(ids, prices, fills, (None, "", "t1"), (None, "why")):
        yield replace(whole, broker_order_id=of_broker, average_price=price, fills=told, trade_id=trade, reason=reason)


def one(session: Session, order: Order, report: OrderReport, now: datetime) -> bool | None:
    """By one statement. Whether ProQuant had been answered 200."""
    assert is_complete_fill(load_situation(session, event_of(session, order)), order, report)
    return full_fill.record_full_fill(session, order, report, now)


def several(session: Session, order: Order, report: OrderReport, now: datetime) -> bool | None:
    """As any answer is recorded, and any end."""
    said = Reported(order, report)
    record_answer(session, said, now)
    s = load_situation(session, event_of(session, order))
    step = next_step(s, BrokerAnswers(said), now, LIMITS)
    assert step == DONE
    return not record_step(session, s, step, None, now, lease=60, jitter=0)


def event_of(session: Session, order: Order) -> EventId:
    return EventId(session.get_one(OrderRow, order.id).event_id)


def booked(session: Session, way: Callable[[], bool | None]) -> tuple[bool | None, Rows]:
    """What a way returns, and all rows that it leaves; then it is taken back."""
    with session.begin_nested() as taken_back:
        answered = way()
        session.flush()
        rows = {table.name: [*rows_of(session, table)] for table in EventRow.metadata.sorted_tables}
        taken_back.rollback()
    session.expire_all()
    return answered, rows


def rows_of(session: Session, table: Table) -> Iterator[dict[str, object]]:
    for row in session.execute(select(table).order_by(*table.primary_key)).mappings():
        yield {name: value is not None if (table.name, name) in BY_WAY else value for name, value in row.items()}
