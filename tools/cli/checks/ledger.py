"""The invariants of the ledger, as far as SQL can see them on live data."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, case, func, literal, select
from sqlalchemy.orm import Session

from shared.database.tables.accounts import Account
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.orders import FillRow, OrderRow, PositionRow, Reconciliation
from shared.domain import FINISHED, Leg, OrderState
from shared.ledger.drift import Agreement
from tools.cli.checks.finding import SHOWN, Finding, fail, listed, ok

ADVICE = "This must never be: pause the account, compare it with the broker's books, and report it."
NOTHING = literal(Decimal(0))


def ledger_findings(session: Session) -> Iterator[Finding]:
    """Each is one statement, so that it sees one moment however much is traded meanwhile."""
    yield finding_of(session, "positions and fills", _positions_that_are_not_their_fills(), "differ in position")
    yield finding_of(session, "orders and fills", _orders_that_are_not_their_fills(), "differ in order")
    yield finding_of(session, "one position a strategy", _strategies_with_two_positions(), "more than one in strategy")
    yield finding_of(session, "finished events", _finished_with_an_open_question(), "an order is unsettled in event")
    yield _drift_finding(session)


def _positions_that_are_not_their_fills() -> Select[Any]:
    """I6: what an open position holds is the fills of its open less the fills of its closes."""
    signed = case((OrderRow.leg == Leg.OPEN, FillRow.quantity), else_=-FillRow.quantity)
    filled = (
        select(func.coalesce(func.sum(signed), NOTHING))
        .join(OrderRow, OrderRow.id == FillRow.order_id)
        .where(OrderRow.position_id == PositionRow.id)
        .scalar_subquery()
    )
    return select(PositionRow.id).where(PositionRow.state == "open", PositionRow.quantity != filled)


def _orders_that_are_not_their_fills() -> Select[Any]:
    filled = select(func.coalesce(func.sum(FillRow.quantity), NOTHING)).where(FillRow.order_id == OrderRow.id)
    return select(OrderRow.id).where(OrderRow.filled_quantity != filled.scalar_subquery())


def _strategies_with_two_positions() -> Select[Any]:
    held = select(PositionRow.strategy).where(PositionRow.state == "open").group_by(PositionRow.strategy)
    return select(Strategy.strategy_id).where(Strategy.id.in_(held.having(func.count() > 1)))


def _finished_with_an_open_question() -> Select[Any]:
    """I2, I8: an event does not end before what became of its orders is known."""
    return (
        select(EventRow.id)
        .join(OrderRow, OrderRow.event_id == EventRow.id)
        .where(EventRow.state.in_(FINISHED), OrderRow.state.in_([OrderState.SUBMITTING, OrderState.UNKNOWN]))
        .distinct()
    )


def finding_of(session: Session, check: str, broken: Select[Any], words: str) -> Finding:
    """Of the ids or names that the query selects, which must be none; `words` stand before them."""
    found = session.scalars(broken.limit(SHOWN + 1)).all()
    if not found:
        return ok(check, "agree" if "differ" in words else "as they must be")
    return fail(check, f"{words} {listed(found)}", ADVICE)


def _drift_finding(session: Session) -> Finding:
    """I6: as the last comparisons of the workers, or of a person, have it."""
    check = "ledger and broker"
    drifted = select(Account.name).join(Reconciliation).where(Reconciliation.result == Agreement.DRIFT)
    names = session.scalars(drifted.order_by(Account.name)).all()
    if not names:
        return ok(check, "no drift is known")
    advice = "See `proquant-bridge reconcile --account NAME` for where and why; the bridge never trades to repair it."
    return fail(check, f"drift in {', '.join(names)}", advice)
