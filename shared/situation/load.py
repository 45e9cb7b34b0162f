"""Loads the situation of one event: what was asked, what is held, what has been ordered, what came before and after."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from sqlalchemy import BigInteger, bindparam, select
from sqlalchemy.orm import Session

from shared.accounts.accounts import ended_ms
from shared.accounts.instrument import Instrument
from shared.accounts.instruments import hours_of
from shared.accounts.integration_states import LifecycleTimes
from shared.accounts.orphan_policy import OUR_VERSION, TRADING, OrphanEvent
from shared.database.prepared import Row, Statement
from shared.database.tables.orders import OrderRow
from shared.domain import (
    AccountId,
    BrokerOrderId,
    ClientOrderId,
    Direction,
    ErrorType,
    EventId,
    EventState,
    EventType,
    Leg,
    OrderId,
    OrderState,
    StrategyKey,
)
from shared.inbox import states
from shared.inbox.states import Due
from shared.situation.model import HeldPosition, Order, Situation, Task
from shared.situation.query import INSTRUMENT_COLUMNS, ORDER_COLUMNS, situation_query

_QUESTION = Statement(situation_query(bindparam("event", type_=BigInteger)))
_TAKEN = states.taking().cte("taken")
_TAKE_AND_ASSESS = Statement(situation_query(select(_TAKEN.c.id).scalar_subquery()))
_WANTED, _KEPT = (attrgetter(*(f"{part}_{name}" for name in INSTRUMENT_COLUMNS)) for part in ("wanted", "kept"))
_ORDER = attrgetter(*(f"order_{name}" for name in ORDER_COLUMNS))


def load_situation(session: Session, event: EventId) -> Situation:
    """The situation of the event, as the committed rows and this transaction's own writes have it.

    One query: each order of the event is a row of its result, and the rest is the same in all of them.
    """
    rows = _QUESTION.rows(session, {"event": event})
    if not rows:
        raise LookupError(f"There is no event {event}.")
    return situation_of(rows)


def take_next_with_situation(session: Session, strategy: StrategyKey, now: datetime) -> tuple[Due, Situation | None]:
    """`states.take_next`, and the situation of what was taken up, by one statement.

    The situation is as it was before the statement, but for the state. The strategy's row must be locked since an
    earlier statement of the transaction: so nothing can have changed in between.
    """
    rows = _TAKE_AND_ASSESS.rows(session, {"of_strategy": strategy, "at": now})
    if not rows:
        return states.next_due(session, strategy, now), None
    found = situation_of(rows)
    taken = replace(found, task=replace(found.task, state=EventState.EXECUTING))
    return Due(taken.task.id, taken.account_id, taken.task.type in TRADING), taken


def situation_of(rows: Sequence[Row]) -> Situation:
    """The situation that the query's rows describe: at least one row, and all of them of one event."""
    row = rows[0]
    ended = ended_ms(row.integration, row.integration_at_ms, _said(row))
    return Situation(
        task=_task(row),
        account=row.account_name,
        account_id=AccountId(row.account_id),
        multiplier=row.multiplier,
        approved=ended is None or row.timestamp_ms < ended,
        ended=ended is not None,
        paused=row.paused,
        enabled=row.enabled,
        held=_held(row),
        orders=_orders(rows),
        superseded=row.superseded,
        names_closed=row.names_closed,
        something_parked=row.something_parked,
        instrument=_instrument(_WANTED(row)),
        held_instrument=_instrument(_KEPT(row)),
    )


def order_of(row: OrderRow) -> Order:
    """An order as decisions see it."""
    return _order(row.id, [getattr(row, name) for name in ORDER_COLUMNS])


def _order(id_: int, columns: Sequence[Any]) -> Order:
    leg, generation, name, symbol, side, quantity, filled, state, attempts, lookups, absences, until, mark, error = (
        columns
    )
    return Order(
        id=OrderId(id_),
        leg=Leg(leg),
        generation=generation,
        client_order_id=ClientOrderId(name),
        symbol=symbol,
        side=Direction(side),
        quantity=quantity,
        filled=filled,
        state=OrderState(state),
        attempts=attempts,
        lookups=lookups,
        absences=absences,
        in_flight_until=until,
        mark=mark,
        error=ErrorType(error) if error else None,
    )


def _said(row: Row) -> LifecycleTimes | None:
    if row.integration_id is None:
        return None
    return LifecycleTimes(row.approved_at_ms, row.rejected_at_ms, row.deleted_at_ms)


def _task(row: Row) -> Task:
    return Task(
        id=EventId(row.id),
        type=_type_of(row),
        state=EventState(row.state),
        moment=(row.timestamp_ms, row.seq),
        received_at=row.received_at,
        key=row.key,
        strategy_id=row.strategy_id,
        proquant_position_id=row.proquant_position_id or "",
        direction=Direction(row.direction) if row.direction else None,
        ticker=row.ticker or "",
        quantity=row.quantity if row.quantity is not None else Decimal(0),
    )


def _type_of(row: Row) -> EventType | OrphanEvent | None:
    """A type that ProQuant sends is never taken for one of ours, whatever it is called."""
    if row.version == OUR_VERSION:
        return OrphanEvent(row.type)
    return EventType(row.type) if row.type in set(EventType) else None


def _held(row: Row) -> HeldPosition | None:
    if row.held_id is None:
        return None
    return HeldPosition(
        id=row.held_id,
        proquant_position_id=row.held_proquant_position_id,
        ticker=row.held_ticker,
        symbol=row.held_symbol,
        direction=Direction(row.held_direction),
        quantity=row.held_quantity,
        signalled=row.believed_quantity,
        opened=row.opening_filled_quantity,
        as_of=(row.believed_timestamp_ms, row.believed_seq),
        opened_by=EventId(row.held_opened_by),
        open_client_order_id=ClientOrderId(row.opening_client_order_id),
        open_broker_order_id=BrokerOrderId(row.opening_broker_order_id) if row.opening_broker_order_id else None,
        trade_id=row.opening_trade_id,
    )


def _instrument(columns: Sequence[Any]) -> Instrument | None:
    ticker, symbol, minimum, maximum, step, currency, shortable, hours = columns
    if ticker is None:
        return None
    return Instrument(ticker, symbol, minimum, maximum, step, currency, shortable, hours_of(hours))


def _orders(rows: Sequence[Row]) -> tuple[Order, ...]:
    """One open order has opened what is held, so that the join with it adds no row."""
    return tuple(_order(row.order_id, _ORDER(row)) for row in rows if row.order_id is not None)
