"""Loads the situation of one event: what was asked, what is held, what has been ordered, what came before and after."""

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, bindparam, exists, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from shared.accounts import state_of
from shared.domain import (
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
)
from shared.instruments import instrument_of
from shared.integration_tables import IntegrationRow
from shared.orphans import OUR_VERSION, OrphanEvent
from shared.situation import Held, Order, Situation, Task
from shared.tables import Account, EventRow, InstrumentRow, OrderRow, PositionRow, Strategy

Answer = Row[*tuple[Any, ...]]


def assess(session: Session, event: EventId) -> Situation:
    """The situation of the event, as the committed rows and this transaction's own writes have it.

    One question: each order of the event is a row of the answer, and the rest is the same in all of them.
    """
    rows = session.execute(_question(), {"event": event}).all()
    if not rows:
        raise LookupError(f"There is no event {event}.")
    row = rows[0]
    account: Account = row.Account
    state = state_of(account, row.IntegrationRow)
    return Situation(
        task=_task(row),
        account=account.name,
        account_id=state.id,
        multiplier=account.multiplier,
        approved=state.accepts(row.timestamp_ms),
        ended=state.ended_at_ms is not None,
        paused=account.paused,
        enabled=row.enabled,
        held=_held(row),
        orders=_orders(rows),
        superseded=row.superseded,
        names_closed=row.names_closed,
        something_parked=row.something_parked,
        instrument=instrument_of(row.wanted) if row.wanted else None,
        held_instrument=instrument_of(row.kept) if row.kept else None,
    )


def order_of(row: OrderRow) -> Order:
    """An order as decisions see it."""
    return Order(
        id=OrderId(row.id),
        leg=Leg(row.leg),
        generation=row.generation,
        client_order_id=ClientOrderId(row.client_order_id),
        symbol=row.symbol,
        side=Direction(row.side),
        quantity=row.quantity,
        filled=row.filled_quantity,
        state=OrderState(row.state),
        attempts=row.attempts,
        lookups=row.lookups,
        in_flight_until=row.in_flight_until,
        mark=row.mark,
        error=ErrorType(row.error_type) if row.error_type else None,
    )


@cache
def _question() -> Select[*tuple[Any, ...]]:
    """Built once: building takes longer than the database takes to answer, and it is asked every turn."""
    this, held, opener = aliased(EventRow, name="this"), aliased(PositionRow, name="held"), aliased(EventRow)
    opening, order = aliased(OrderRow), aliased(OrderRow, name="ordered")
    wanted, kept = aliased(InstrumentRow, name="wanted"), aliased(InstrumentRow, name="kept")
    return (
        select(
            Account,
            IntegrationRow,
            this.id,
            this.version,
            this.type,
            this.state,
            this.timestamp_ms,
            this.seq,
            this.received_at,
            this.key,
            this.proquant_position_id,
            this.direction,
            this.ticker,
            this.quantity,
            Strategy.strategy_id,
            Strategy.enabled,
            held.id.label("held_id"),
            held.proquant_position_id.label("held_proquant_position_id"),
            held.ticker.label("held_ticker"),
            held.symbol.label("held_symbol"),
            held.direction.label("held_direction"),
            held.quantity.label("held_quantity"),
            held.opened_by,
            opener.timestamp_ms.label("opened_ms"),
            opener.seq.label("opened_seq"),
            opening.client_order_id.label("open_client_order_id"),
            opening.broker_order_id.label("open_broker_order_id"),
            opening.trade_id,
            wanted,
            kept,
            order,
            _superseded(this).label("superseded"),
            _names_closed(this).label("names_closed"),
            _something_parked(this).label("something_parked"),
        )
        .join(Strategy, Strategy.id == this.strategy)
        .join(Account, Account.id == this.account_id)
        .outerjoin(IntegrationRow, IntegrationRow.id == this.integration_id)
        .outerjoin(held, and_(held.strategy == this.strategy, held.state == "open"))
        .outerjoin(opener, opener.id == held.opened_by)
        .outerjoin(
            opening,
            and_(opening.event_id == held.opened_by, opening.position_id == held.id, opening.leg == Leg.OPEN),
        )
        .outerjoin(wanted, and_(wanted.account_id == this.account_id, wanted.ticker == this.ticker))
        .outerjoin(kept, _lists(kept, this, held))
        .outerjoin(order, order.event_id == this.id)
        .where(this.id == bindparam("event"))
        .order_by(order.id)
        .execution_options(populate_existing=True)
    )


def _lists(kept: type[InstrumentRow], this: type[EventRow], held: type[PositionRow]) -> ColumnElement[bool]:
    """Whether it is the instrument that is held: meanwhile its ticker may have been given to another symbol."""
    return and_(kept.account_id == this.account_id, kept.ticker == held.ticker, kept.symbol == held.symbol)


def _names_closed(this: type[EventRow]) -> ColumnElement[bool]:
    position = aliased(PositionRow)
    return exists().where(
        position.strategy == this.strategy,
        position.proquant_position_id == this.proquant_position_id,
        position.state == "closed",
    )


def _something_parked(this: type[EventRow]) -> ColumnElement[bool]:
    parked = aliased(EventRow)
    return exists().where(parked.strategy == this.strategy, parked.state == EventState.PARKED)


def _superseded(this: type[EventRow]) -> ColumnElement[bool]:
    """Whether a later event of the strategy has ended what this OPEN or REOPEN would begin.

    A later OPEN that was executed; a later REOPEN, which ends what was held even where it could not open, but not where
    it could not even close; a later CLOSE, which leaves its mark even when it found nothing. The last only where that
    CLOSE did not mean another position: one that we know, and that is not this event's. And a later close of our own,
    by an account's policy.
    """
    later, other = aliased(EventRow), aliased(PositionRow)
    another = exists().where(other.strategy == later.strategy, other.proquant_position_id == later.proquant_position_id)
    done = later.state == EventState.DONE
    refused = later.state == EventState.REFUSED
    heeded = and_(refused, later.error_type != ErrorType.INVALID_CREDENTIALS, ~_left_what_was_held(later))
    return exists().where(
        later.strategy == this.strategy,
        tuple_(later.timestamp_ms, later.seq) > tuple_(this.timestamp_ms, this.seq),
        or_(
            and_(later.type == EventType.SIGNAL_OPEN, done),
            and_(later.type == OrphanEvent.CLOSE, later.version == OUR_VERSION, done),
            and_(later.type == EventType.SIGNAL_REOPEN, or_(done, heeded)),
            and_(
                later.type == EventType.SIGNAL_CLOSE,
                or_(
                    done,
                    and_(
                        refused,
                        later.error_type == ErrorType.POSITION_NOT_FOUND,
                        or_(later.proquant_position_id == this.proquant_position_id, ~another),
                    ),
                ),
            ),
        ),
    )


def _left_what_was_held(reopen: type[EventRow]) -> ColumnElement[bool]:
    """Whether a refused REOPEN came to nothing: its market was closed, or the broker refused its close leg."""
    order, ending = aliased(OrderRow), aliased(OrderRow)
    has_ordered = exists().where(order.event_id == reopen.id)
    has_ended = exists().where(
        ending.event_id == reopen.id,
        or_(
            ending.leg == Leg.OPEN,
            ending.state == OrderState.FILLED,
            ending.error_type == ErrorType.POSITION_NOT_FOUND,
        ),
    )
    return and_(~has_ended, or_(has_ordered, reopen.error_type == ErrorType.MARKET_CLOSED))


def _task(row: Answer) -> Task:
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


def _type_of(row: Answer) -> EventType | OrphanEvent | None:
    """A type that ProQuant sends is never taken for one of ours, whatever it is called."""
    if row.version == OUR_VERSION:
        return OrphanEvent(row.type)
    return EventType(row.type) if row.type in set(EventType) else None


def _held(row: Answer) -> Held | None:
    if row.held_id is None:
        return None
    return Held(
        id=row.held_id,
        proquant_position_id=row.held_proquant_position_id,
        ticker=row.held_ticker,
        symbol=row.held_symbol,
        direction=Direction(row.held_direction),
        quantity=row.held_quantity,
        opened=(row.opened_ms, row.opened_seq),
        opened_by=EventId(row.opened_by),
        open_client_order_id=ClientOrderId(row.open_client_order_id),
        open_broker_order_id=BrokerOrderId(row.open_broker_order_id) if row.open_broker_order_id else None,
        trade_id=row.trade_id,
    )


def _orders(rows: Sequence[Answer]) -> tuple[Order, ...]:
    """One open order has opened what is held, so that the join with it adds no row."""
    return tuple(order_of(row.ordered) for row in rows if row.ordered is not None)
