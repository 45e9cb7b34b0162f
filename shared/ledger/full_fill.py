"""Books in one statement that an order which was just sent was filled at once and whole, and that its event is done.

`orders.reported` and `states.finish` leave the same rows by six; `tests/integration/test_full_fill_rows.py` compares.
"""

from datetime import datetime
from decimal import Decimal
from functools import cache

from sqlalchemy import CTE, BigInteger, Numeric, Text, bindparam, exists, func, insert, literal, null, select, update
from sqlalchemy.orm import Session

from shared.database.engine import table_of
from shared.database.prepared import Statement
from shared.database.tables.events import EventRow
from shared.database.tables.orders import FillRow, OrderRow, PositionRow
from shared.domain import EventState, Leg, OrderState
from shared.errors import IllegalTransition
from shared.inbox import states
from shared.ledger.reports import Fill, OrderReport
from shared.situation.model import Order

_ORDER, _FILL, _POSITION, _EVENT = table_of(OrderRow), table_of(FillRow), table_of(PositionRow), table_of(EventRow)
_UNITS = bindparam("units", type_=Numeric)


def record_full_fill(session: Session, order: Order, report: OrderReport, now: datetime) -> bool | None:
    """Stores order, fill, position and the end of the event, if all is as it was when the order was sent.

    As it was, that is: nothing was heard of the order before, its event is being executed, and one fill tells of all
    its units; and it is to open a position, or to close all of one. Everything else goes through `orders.reported`.
    Returns whether ProQuant had been answered 200 by then; None where something is otherwise, and nothing was written.
    """
    fill = _only_fill(order, report, now)
    if fill is None:
        return None
    values = {
        "order": order.id,
        "units": report.filled_quantity,
        "of_broker": report.broker_order_id or None,
        "trade": report.trade_id or None,
        "price": report.average_price,
        "why": report.reason,
        "fill": fill.fill_id,
        "fill_price": fill.price,
        "fill_at": fill.at,
        "ended_at": now,
    }
    row = _statement(order.leg).row(session, values)
    if row is None:
        return None
    if row.ended is None:  # what was booked is taken back with the transaction
        raise IllegalTransition(f"The event of {order.client_order_id} was executed, and now it is not.")
    return row.accepted_at is not None


def _only_fill(order: Order, report: OrderReport, now: datetime) -> Fill | None:
    """As `orders.reported` stores it: what the report's fills do not tell of is named after the order."""
    if not report.fills:
        price = report.average_price if report.average_price is not None else 0
        return Fill(f"{order.client_order_id}:{report.filled_quantity}", report.filled_quantity, Decimal(price), now)
    whole = len(report.fills) == 1 and report.fills[0].quantity == report.filled_quantity
    return report.fills[0] if whole else None


@cache
def _statement(leg: Leg) -> Statement:
    sent = _sent(leg)
    position = _opened(sent) if leg is Leg.OPEN else _closed(sent)
    told = _told(position)
    filled = _filled(told)
    ended = states.ending(told)
    return Statement(
        select(ended.c.id.label("ended"), ended.c.accepted_at)
        .select_from(told)
        .outerjoin(ended, ended.c.id == told.c.event_id)
        .add_cte(filled)
    )


def _sent(leg: Leg) -> CTE:
    known = _ORDER.c.position_id.is_(None) if leg is Leg.OPEN else _ORDER.c.position_id.is_not(None)
    return (
        select(_ORDER.c.id, _ORDER.c.symbol, _ORDER.c.side, _ORDER.c.position_id, _EVENT.c.id.label("event_id"))
        .add_columns(_EVENT.c.strategy, _EVENT.c.proquant_position_id, _EVENT.c.ticker)
        .join_from(_ORDER, _EVENT, _EVENT.c.id == _ORDER.c.event_id)
        .where(_ORDER.c.id == bindparam("order"), _ORDER.c.leg == leg, known)
        .where(_ORDER.c.state == OrderState.SUBMITTING, _ORDER.c.filled_quantity == 0)
        .where(_EVENT.c.state == EventState.EXECUTING)
        .with_for_update(of=_ORDER)
        .cte("sent")
    )


def _opened(sent: CTE) -> CTE:
    columns = sent.c
    values = (columns.strategy, columns.proquant_position_id, columns.ticker, columns.symbol, columns.side)
    names = ["strategy", "proquant_position_id", "ticker", "symbol", "direction", "quantity", "state", "opened_by"]
    row = select(*values, _UNITS, literal("open", Text), columns.event_id)
    return insert(_POSITION).from_select(names, row).returning(_POSITION.c.id).cte("of_position")


def _closed(sent: CTE) -> CTE:
    """Asks for the time of the end and not for the state, which would let the index of all open positions be read."""
    return (
        update(_POSITION)
        .where(_POSITION.c.id == select(sent.c.position_id).scalar_subquery())
        .where(_POSITION.c.closed_at.is_(None), _POSITION.c.quantity == _UNITS)
        .values(quantity=0, state="closed", closed_by=select(sent.c.event_id).scalar_subquery())
        .values(closed_at=func.clock_timestamp())
        .returning(_POSITION.c.id)
        .cte("of_position")
    )


def _told(position: CTE) -> CTE:
    return (
        update(_ORDER)
        .where(_ORDER.c.id == bindparam("order", type_=BigInteger), exists(select(position.c.id)))
        .values(
            state=OrderState.FILLED,
            filled_quantity=_UNITS,
            position_id=select(position.c.id).scalar_subquery(),
            lookups=_ORDER.c.lookups + 1,
            broker_order_id=func.coalesce(bindparam("of_broker", type_=Text), _ORDER.c.broker_order_id),
            trade_id=func.coalesce(bindparam("trade", type_=Text), _ORDER.c.trade_id),
            average_price=func.coalesce(bindparam("price", type_=Numeric), _ORDER.c.average_price),
            error_type=null(),
            reason=bindparam("why", type_=Text),
            updated_at=func.clock_timestamp(),
        )
        .returning(_ORDER.c.id, _ORDER.c.event_id)
        .cte("told")
    )


def _filled(told: CTE) -> CTE:
    fill = (
        told.c.id,
        bindparam("fill", type_=Text),
        _UNITS,
        bindparam("fill_price", type_=Numeric),
        bindparam("fill_at", type_=_FILL.c.at.type),
    )
    names = ["order_id", "fill_id", "quantity", "price", "at"]
    return insert(_FILL).from_select(names, select(*fill)).cte("stored_fill")
