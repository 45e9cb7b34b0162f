"""Loads the situation of one event: what was asked, what is held, what has been ordered, what came before and after."""

from decimal import Decimal
from functools import cache

from sqlalchemy import ColumnElement, Select, and_, bindparam, exists, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from shared import instruments
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
from shared.integration_tables import IntegrationRow
from shared.orphans import OUR_VERSION, OrphanEvent
from shared.situation import Held, Order, Situation, Task
from shared.tables import Account, EventRow, OrderRow, PositionRow, Strategy


def assess(session: Session, event: EventId) -> Situation:
    """The situation of the event, as the committed rows and this transaction's own writes have it."""
    row, strategy, account, integration, superseded, names_closed, parked = session.execute(
        _question(), {"event": event}
    ).one()
    held = _held(session, row.strategy)
    state = state_of(account, integration)
    known = instruments.named(session, state.id, {row.ticker, held.ticker if held else None})
    return Situation(
        task=_task(row, strategy),
        account=account.name,
        account_id=state.id,
        multiplier=account.multiplier,
        approved=state.accepts(row.timestamp_ms),
        ended=state.ended_at_ms is not None,
        paused=account.paused,
        enabled=strategy.enabled,
        held=held,
        orders=_orders(session, event),
        superseded=superseded,
        names_closed=names_closed,
        something_parked=parked,
        instrument=known.get(row.ticker or ""),
        held_instrument=known.get(held.ticker) if held else None,
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
def _question() -> Select[EventRow, Strategy, Account, IntegrationRow, bool, bool, bool]:
    """Built once: its aliases take longer to build than the database takes to answer, and it is asked every turn."""
    this = EventRow
    parked = aliased(EventRow)
    position = aliased(PositionRow)
    names_closed = exists().where(
        position.strategy == this.strategy,
        position.proquant_position_id == this.proquant_position_id,
        position.state == "closed",
    )
    return (
        select(
            this,
            Strategy,
            Account,
            IntegrationRow,
            _superseded(),
            names_closed,
            exists().where(parked.strategy == this.strategy, parked.state == EventState.PARKED),
        )
        .join(Strategy, Strategy.id == this.strategy)
        .join(Account, Account.id == this.account_id)
        .outerjoin(IntegrationRow, IntegrationRow.id == this.integration_id)
        .where(this.id == bindparam("event"))
    )


def _superseded() -> ColumnElement[bool]:
    """Whether a later event of the strategy has ended what this OPEN or REOPEN would begin.

    A later OPEN that was executed; a later REOPEN, which ends what was held even where it could not open; a later
    CLOSE, which leaves its mark even when it found nothing. The last only where that CLOSE did not mean another
    position: one that we know, and that is not this event's. And a later close of our own, by an account's policy.
    """
    this, later, other = EventRow, aliased(EventRow), aliased(PositionRow)
    another = exists().where(other.strategy == later.strategy, other.proquant_position_id == later.proquant_position_id)
    done = later.state == EventState.DONE
    refused = later.state == EventState.REFUSED
    return exists().where(
        later.strategy == this.strategy,
        tuple_(later.timestamp_ms, later.seq) > tuple_(this.timestamp_ms, this.seq),
        or_(
            and_(later.type == EventType.SIGNAL_OPEN, done),
            and_(later.type == OrphanEvent.CLOSE, later.version == OUR_VERSION, done),
            and_(
                later.type == EventType.SIGNAL_REOPEN,
                or_(done, and_(refused, later.error_type != ErrorType.INVALID_CREDENTIALS)),
            ),
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


def _task(row: EventRow, strategy: Strategy) -> Task:
    return Task(
        id=EventId(row.id),
        type=_type_of(row),
        state=EventState(row.state),
        moment=(row.timestamp_ms, row.seq),
        received_at=row.received_at,
        key=row.key,
        strategy_id=strategy.strategy_id,
        proquant_position_id=row.proquant_position_id or "",
        direction=Direction(row.direction) if row.direction else None,
        ticker=row.ticker or "",
        quantity=row.quantity if row.quantity is not None else Decimal(0),
    )


def _type_of(row: EventRow) -> EventType | OrphanEvent | None:
    """A type that ProQuant sends is never taken for one of ours, whatever it is called."""
    if row.version == OUR_VERSION:
        return OrphanEvent(row.type)
    return EventType(row.type) if row.type in set(EventType) else None


def _held(session: Session, strategy: int) -> Held | None:
    row = session.execute(
        select(PositionRow, EventRow.timestamp_ms, EventRow.seq, OrderRow)
        .join(EventRow, EventRow.id == PositionRow.opened_by)
        .join(OrderRow, and_(OrderRow.position_id == PositionRow.id, OrderRow.leg == Leg.OPEN))
        .where(PositionRow.strategy == strategy, PositionRow.state == "open")
    ).one_or_none()
    return None if row is None else _held_position(*row)


def _held_position(position: PositionRow, timestamp_ms: int, seq: int, order: OrderRow) -> Held:
    return Held(
        id=position.id,
        proquant_position_id=position.proquant_position_id,
        ticker=position.ticker,
        symbol=position.symbol,
        direction=Direction(position.direction),
        quantity=position.quantity,
        opened=(timestamp_ms, seq),
        opened_by=EventId(position.opened_by),
        open_client_order_id=ClientOrderId(order.client_order_id),
        open_broker_order_id=BrokerOrderId(order.broker_order_id) if order.broker_order_id else None,
        trade_id=order.trade_id,
    )


def _orders(session: Session, event: EventId) -> tuple[Order, ...]:
    rows = session.scalars(select(OrderRow).where(OrderRow.event_id == event).order_by(OrderRow.id))
    return tuple(order_of(row) for row in rows)
