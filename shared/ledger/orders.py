"""The ledger: what became of orders, and with it fills and positions.

`intents.py` inserts an order before it is sent; `full_fill.py` records a complete fill on the fast path.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, Numeric, Row, Text, bindparam, case, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database.engine import table_of
from shared.database.tables.events import EventRow
from shared.database.tables.orders import FillRow, OrderRow, PositionRow
from shared.domain import ORDER_FINAL, ORDER_TRANSITIONS, ErrorType, EventId, Leg, OrderId, OrderState
from shared.errors import IllegalTransition
from shared.ledger.reports import OrderReport
from shared.situation.load import order_of
from shared.situation.model import Order

Before = Row[*tuple[Any, ...]]
"""The columns of an order that decide what a report changes."""

_ORDER, _FILL, _POSITION, _EVENT = table_of(OrderRow), table_of(FillRow), table_of(PositionRow), table_of(EventRow)
_WITHDRAW = (
    update(_ORDER)
    .where(_ORDER.c.event_id == bindparam("event"), _ORDER.c.state == OrderState.PLANNED)
    .values(state=OrderState.CANCELLED, reason="withdrawn before it was sent", updated_at=func.now())
)
_BEFORE = (
    select(
        *(_ORDER.c[name] for name in ("id", "event_id", "leg", "client_order_id", "symbol", "side", "position_id")),
        _ORDER.c.state,
        _ORDER.c.filled_quantity,
    )
    .where(_ORDER.c.id == bindparam("order"))
    .with_for_update()
)
_REPORTED = (
    update(_ORDER)
    .where(_ORDER.c.id == bindparam("order"))
    .values(
        state=bindparam("now_is", type_=Text),
        filled_quantity=bindparam("filled", type_=Numeric),
        position_id=bindparam("position", type_=BigInteger),
        lookups=_ORDER.c.lookups + 1,
        broker_order_id=func.coalesce(bindparam("of_broker", type_=Text), _ORDER.c.broker_order_id),
        trade_id=func.coalesce(bindparam("trade", type_=Text), _ORDER.c.trade_id),
        average_price=func.coalesce(bindparam("price", type_=Numeric), _ORDER.c.average_price),
        error_type=bindparam("error", type_=Text),
        reason=bindparam("why", type_=Text),
        updated_at=func.clock_timestamp(),
    )
)
_STORE_FILL = insert(_FILL).on_conflict_do_nothing().returning(_FILL.c.id)
_OPEN = (
    insert(_POSITION)
    .from_select(
        ["strategy", "proquant_position_id", "ticker", "symbol", "direction", "quantity", "state", "opened_by"],
        select(
            _EVENT.c.strategy,
            _EVENT.c.proquant_position_id,
            _EVENT.c.ticker,
            bindparam("symbol", type_=Text),
            bindparam("side", type_=Text),
            bindparam("units", type_=Numeric),
            literal("open", Text),
            _EVENT.c.id,
        ).where(_EVENT.c.id == bindparam("event")),
    )
    .returning(_POSITION.c.id)
)
_OF_POSITION = _POSITION.c.id == bindparam("position")
_LESS = _POSITION.c.quantity - bindparam("units", type_=Numeric)
_GROW = update(_POSITION).where(_OF_POSITION).values(quantity=_POSITION.c.quantity + bindparam("units", type_=Numeric))
_SHRINK = (
    update(_POSITION)
    .where(_OF_POSITION)
    .values(
        quantity=_LESS,
        state=case((_LESS <= 0, "closed"), else_=_POSITION.c.state),
        closed_by=case((_LESS <= 0, bindparam("event", type_=BigInteger)), else_=_POSITION.c.closed_by),
        closed_at=case((_LESS <= 0, func.clock_timestamp()), else_=_POSITION.c.closed_at),
    )
)


def resubmit(session: Session, order: Order, mark: str | None, in_flight_until: datetime) -> Order:
    """Commits, with the caller, that an order which is proven not to be at the broker is being sent once more.

    `mark`: the broker's of now, for an order that was first sent when its broker had none.
    """
    row = _move(session, order.id, OrderState.SUBMITTING)
    row.attempts += 1
    row.lookups = 0
    row.mark = order.mark if order.mark is not None else mark
    row.in_flight_until = in_flight_until
    session.flush()
    return order_of(row)


def reported(session: Session, order: Order, report: OrderReport, now: datetime) -> None:
    """The broker has the order. Saying the same again changes nothing."""
    row = session.execute(_BEFORE, {"order": order.id}).one()
    before = OrderState(row.state)
    if before in ORDER_FINAL:
        return
    _allow(row.client_order_id, before, report.state)
    units = _new_fills(session, row, report, now)
    told = {
        "order": row.id,
        "now_is": report.state,
        "filled": row.filled_quantity + units,
        "position": _position_after(session, row, units),
        "of_broker": report.broker_order_id or None,
        "trade": report.trade_id or None,
        "price": report.average_price,
        "error": report.error,
        "why": report.reason,
    }
    session.execute(_REPORTED, told)


def rejected(session: Session, order: Order, error: ErrorType | None, reason: str) -> None:
    """The broker has definitively refused the order."""
    row = _locked(session, order.id)
    if OrderState(row.state) in ORDER_FINAL:
        return
    _change(row, OrderState.REJECTED)
    row.error_type, row.reason = error, reason


def not_sent(session: Session, order: Order, reason: str) -> None:
    """The order is proven not to be at the broker: it may be sent again, if it was not withdrawn since."""
    row = _locked(session, order.id)
    if OrderState(row.state) not in {OrderState.PLANNED, OrderState.CANCELLED}:
        _change(row, OrderState.PLANNED)
        row.reason = reason


def absent(session: Session, order: Order) -> None:
    """A look-up has proven that the order is not at the broker, though it was sent."""
    row = _locked(session, order.id)
    if OrderState(row.state) not in {OrderState.PLANNED, OrderState.CANCELLED}:
        _change(row, OrderState.PLANNED)
        row.reason = "The broker does not have it."
        row.absences += 1


def found_absent(session: Session, order: OrderId) -> None:
    """A person has found that nothing came of an order that ended: what it was to close may be closed by a new one."""
    _locked(session, order).absences = 1


def submit_unknown(session: Session, order: Order, reason: str, at: datetime) -> None:
    """A submit ended at `at` without evidence of what became of it."""
    row = _locked(session, order.id)
    if OrderState(row.state) not in ORDER_FINAL:
        _change(row, OrderState.UNKNOWN)
        row.in_flight_until, row.reason = at, reason


def lookup_inconclusive(session: Session, order: Order, reason: str) -> None:
    """A look-up has proved nothing."""
    row = _locked(session, order.id)
    row.lookups += 1
    row.reason = reason
    if row.state == OrderState.SUBMITTING:
        _change(row, OrderState.UNKNOWN)


def restart_lookups(session: Session, order: OrderId, now: datetime) -> None:
    """A person has handed the order back: its look-ups count anew, and so does the time in which they can be made."""
    row = _locked(session, order)
    row.lookups, row.absences, row.in_flight_until = 0, 0, now


def withdraw(session: Session, event: EventId) -> None:
    """An order of the event that has not reached the broker never will: the event has ended, or needs it no more."""
    session.execute(_WITHDRAW, {"event": event})


def write_off(session: Session, position_id: int, event: EventId, now: datetime) -> None:
    """The broker does not hold the position that the ledger holds: the strategy is flat, without a fill of ours."""
    session.execute(
        update(PositionRow).where(PositionRow.id == position_id).values(state="closed", closed_by=event, closed_at=now)
    )


def confirm(session: Session, position_id: int, event: EventId) -> None:
    """An event has asked for what is held already: the position is held as of that event from now on."""
    session.execute(update(PositionRow).where(PositionRow.id == position_id).values(confirmed_by=event))


def _new_fills(session: Session, row: Before, report: OrderReport, now: datetime) -> Decimal:
    """Stores the fills that are not stored yet; returns their sum, in units.

    The report's quantity decides, since it is what the broker counts: fills beyond it were told before under another
    name. What its fills do not tell of becomes one fill, named so that the same report said again makes the same one.
    """
    left = report.filled_quantity - row.filled_quantity
    fills = [(fill.fill_id, fill.quantity, fill.price, fill.at) for fill in report.fills]
    price = report.average_price if report.average_price is not None else Decimal(0)
    fills.append((f"{row.client_order_id}:{report.filled_quantity}", left, price, now))
    news = Decimal(0)
    for fill_id, told, at_price, at in fills:
        quantity = min(told, left - news)
        if quantity <= 0:
            continue
        fill = {"order_id": row.id, "fill_id": fill_id, "quantity": quantity, "price": at_price, "at": at}
        stored = session.execute(_STORE_FILL, fill).scalar()
        news += quantity if stored is not None else 0
    return news


def _position_after(session: Session, row: Before, quantity: Decimal) -> int | None:
    """Lets newly filled units open, grow, shrink or close the position of the order; returns which that is."""
    position: int | None = row.position_id
    if quantity == 0:
        return position
    if position is None:
        return _open_position(session, row, quantity)
    grown = {"position": position, "event": row.event_id, "units": quantity}
    session.execute(_GROW if row.leg == Leg.OPEN else _SHRINK, grown)
    return position


def _open_position(session: Session, row: Before, quantity: Decimal) -> int:
    opened = {"event": row.event_id, "symbol": row.symbol, "side": row.side, "units": quantity}
    position: int = session.execute(_OPEN, opened).scalar_one()
    return position


def _locked(session: Session, order: OrderId) -> OrderRow:
    return session.get_one(OrderRow, order, with_for_update=True, populate_existing=True)


def _move(session: Session, order: OrderId, state: OrderState) -> OrderRow:
    row = _locked(session, order)
    _change(row, state)
    return row


def _change(row: OrderRow, state: OrderState) -> None:
    """Raises IllegalTransition where the state graph does not allow it."""
    _allow(row.client_order_id, OrderState(row.state), state)
    row.state = state
    row.updated_at = func.clock_timestamp()


def _allow(name: str, before: OrderState, after: OrderState) -> None:
    """Raises IllegalTransition where the state graph does not allow it."""
    if after is not before and after not in ORDER_TRANSITIONS[before]:
        raise IllegalTransition(f"Order {name} cannot go from {before} to {after}.")
