"""Reconciliation: compares an account's ledger with its broker's positions, and raises an alert for drift.

Nothing is ever repaired by trading: who traded by hand had a reason, and only a person can know it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import case, exists, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, aliased

from shared.alerts.raising import raise_alert
from shared.database.clock import Clock, database_clock
from shared.database.engine import Sessions
from shared.database.tables.accounts import Account
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.orders import OrderRow, PositionRow, Reconciliation
from shared.domain import ORDER_FINAL, AccountId, AlertKind, Direction, EventId, EventState
from shared.errors import BridgeError
from shared.inbox.unfinished import parked, runnable
from shared.ledger.drift import Agreement, Comparison, Known, Question, compare, worst

EVERY = timedelta(minutes=5)
AGAIN = timedelta(seconds=30)  # after a first difference, or a look that said nothing
AT_ONCE = 100  # accounts a sweep


class NotAnswered(BridgeError):
    """The broker did not say what the account holds."""


@dataclass(frozen=True, slots=True)
class ReconciliationResult:
    """What one comparison found. `hindrance`: why there was none; then there are no comparisons."""

    comparisons: tuple[Comparison, ...] = ()
    hindrance: str | None = None

    @property
    def result(self) -> Agreement | None:
        """What is to be said of the account; None where nothing can be."""
        return worst(self.comparisons) if self.hindrance is None else None


@dataclass(frozen=True, slots=True)
class _Books:
    """The ledger's side at one moment. Two that are equal mean that nothing was traded between them."""

    held: Mapping[str, Decimal]
    questions: tuple[Question, ...]
    busy: EventId | None
    last_order: int | None


def reconcile(
    sessions: Sessions,
    account: AccountId,
    ask: Callable[[], Mapping[str, Decimal]],
    clock: Clock = database_clock,
) -> ReconciliationResult:
    """Asks the broker (`ask` raises NotAnswered) between two looks at the ledger, and records how they compare.

    Only while nothing of the account is in flight: else the two would differ for good reasons.
    """
    with sessions() as session:
        before = _books(session, account)
    if before.busy is not None:
        return _hindered(sessions, account, _busy(before.busy), clock)
    try:
        broker = ask()
    except NotAnswered as error:
        return _hindered(sessions, account, str(error), clock)
    with sessions.begin() as session:
        if _books(session, account) == before:
            return _record(session, account, before, broker, clock(session))
    return _hindered(sessions, account, "busy: something was traded meanwhile", clock)


def ask_due(session: Session, now: datetime) -> Sequence[AccountId]:
    """The accounts that are to be looked at now; each is noted as asked for."""
    last = Reconciliation
    soon = or_(last.result == Agreement.DIFFERS, last.hindrance.is_not(None))
    due = last.asked_at <= case((soon, now - AGAIN), else_=now - EVERY)
    query = (
        select(Account.id)
        .outerjoin(last, last.account_id == Account.id)
        .where(or_(last.account_id.is_(None), due))
        .order_by(last.asked_at.asc().nulls_first())
        .limit(AT_ONCE)
    )
    found = [AccountId(account) for account in session.scalars(query)]
    for account in found:
        _store(session, account, asked_at=now)
    return found


def _books(session: Session, account: AccountId) -> _Books:
    return _Books(
        held=_held(session, account),
        questions=_questions(session, account),
        busy=_in_flight(session, account),
        last_order=session.scalar(
            select(func.max(OrderRow.id))
            .join(EventRow, EventRow.id == OrderRow.event_id)
            .where(EventRow.account_id == account)
        ),
    )


def _held(session: Session, account: AccountId) -> Mapping[str, Decimal]:
    """The open positions of all strategies, net in each symbol."""
    signed = case((PositionRow.direction == Direction.SELL, -PositionRow.quantity), else_=PositionRow.quantity)
    rows = session.execute(
        select(PositionRow.symbol, func.sum(signed).label("net"))
        .join(Strategy, Strategy.id == PositionRow.strategy)
        .where(Strategy.account_id == account, PositionRow.state == "open")
        .group_by(PositionRow.symbol)
    )
    return {row.symbol: row.net for row in rows}


def _questions(session: Session, account: AccountId) -> tuple[Question, ...]:
    """What the unsettled orders of parked events may have done."""
    rest = OrderRow.quantity - OrderRow.filled_quantity
    rows = session.execute(
        select(EventRow.id, OrderRow.symbol, case((OrderRow.side == Direction.SELL, -rest), else_=rest))
        .join(OrderRow, OrderRow.event_id == EventRow.id)
        .where(EventRow.account_id == account, parked(EventRow))
        .where(OrderRow.state.not_in(ORDER_FINAL))
        .order_by(EventRow.id)
    )
    return tuple(Question(EventId(event), symbol, quantity) for event, symbol, quantity in rows)


def _in_flight(session: Session, account: AccountId) -> EventId | None:
    """An event that may change either side at any moment. What only waits behind a parked event does not."""
    other = aliased(EventRow)
    behind = exists().where(other.strategy == EventRow.strategy, parked(other))
    unsettled = exists().where(OrderRow.event_id == EventRow.id, OrderRow.state.not_in(ORDER_FINAL))
    event = session.scalar(
        select(EventRow.id)
        .where(EventRow.account_id == account, runnable(EventRow))
        .where(or_(~behind, EventRow.state == EventState.EXECUTING, unsettled))
        .order_by(EventRow.id)
        .limit(1)
    )
    return None if event is None else EventId(event)


def _record(
    session: Session, account: AccountId, books: _Books, broker: Mapping[str, Decimal], now: datetime
) -> ReconciliationResult:
    known = _known(session, account)
    comparisons = compare(books.held, broker, books.questions, known)
    for comparison in comparisons:
        told = known.get((comparison.symbol, comparison.difference)) is Agreement.DRIFT
        if comparison.state is Agreement.DRIFT and not told:
            _alert(session, account, comparison)
    differences = [_as_json(each) for each in comparisons if each.state is not Agreement.AGREES]
    result = worst(comparisons)
    _store(session, account, asked_at=now, looked_at=now, result=result, differences=differences, hindrance=None)
    return ReconciliationResult(comparisons)


def _known(session: Session, account: AccountId) -> Known:
    row = session.get(Reconciliation, account, with_for_update=True)
    differences = [] if row is None else row.differences
    return {(each["symbol"], Decimal(each["difference"])): Agreement(each["state"]) for each in differences}


def _alert(session: Session, account: AccountId, drift: Comparison) -> None:
    name = session.get_one(Account, account).name
    detail = (
        f"{name}, {drift.symbol}: the ledger holds {drift.ledger:f}, the broker {drift.broker:f}, "
        f"a difference of {drift.difference:f}. {drift.cause} The bridge does not trade to repair it."
    )
    raise_alert(session, AlertKind.DRIFT, detail, account)


def _as_json(comparison: Comparison) -> dict[str, str]:
    numbers = {name: format(getattr(comparison, name), "f") for name in ("ledger", "broker", "difference")}
    return {"symbol": comparison.symbol, **numbers, "cause": comparison.cause, "state": comparison.state}


def _busy(event: EventId) -> str:
    return f"busy: event {event} is being executed"


def _hindered(sessions: Sessions, account: AccountId, hindrance: str, clock: Clock) -> ReconciliationResult:
    """What the last look that said something has found is kept."""
    with sessions.begin() as session:
        _store(session, account, asked_at=clock(session), hindrance=hindrance)
    return ReconciliationResult(hindrance=hindrance)


def _store(session: Session, account: AccountId, **values: Any) -> None:
    session.execute(
        insert(Reconciliation)
        .values(account_id=account, **values)
        .on_conflict_do_update(index_elements=["account_id"], set_=values)
    )
