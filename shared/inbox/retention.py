"""Deletes finished events with all that belongs to them, a batch at a time. No other file deletes an event.

What may still decide something stays: docs/decisions/0037-what-may-be-forgotten.md goes through it case by case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    any_,
    delete,
    exists,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from shared.accounts.orphan_policy import TRADING
from shared.alerts.rules import DeliveryState
from shared.database.engine import table_of
from shared.database.tables.alerts import Alert, DeliveryRow
from shared.database.tables.events import AnswerRow, EventRow, Resolution
from shared.database.tables.orders import FillRow, OrderRow, PositionRow
from shared.domain import FINISHED, ORDER_FINAL, EventId, EventState, EventType
from shared.inbox.unfinished import unfinished

AT_ONCE = 500  # events a transaction looks at: a tenth of a second, and no lock that a trade would wait for
LASTING = (EventType.INTEGRATION_APPROVED, EventType.INTEGRATION_REJECTED, EventType.INTEGRATION_DELETED)
"""A handful for each user, and a second delivery of one concerns every strategy of the account: they stay."""

_EVENT, _ORDER, _FILL, _POSITION = table_of(EventRow), table_of(OrderRow), table_of(FillRow), table_of(PositionRow)
_ALERT, _DELIVERY = table_of(Alert), table_of(DeliveryRow)
_ANSWER, _RESOLUTION = table_of(AnswerRow), table_of(Resolution)


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of one batch: how many events were forgotten, and the id to go on after; None when all were seen."""

    events: int
    after: EventId | None


def forget_events(session: Session, before: datetime, after: EventId, rehearsed: bool = False) -> Batch:
    """Deletes, of the next `AT_ONCE` events after this id, those that ended before `before` and decide nothing more.

    With them go their orders, fills, answers, resolutions, alerts and deliveries, and the closed positions that they
    opened. An event that somebody else has locked is left to the next time. `rehearsed`: only counts.
    """
    seen = session.execute(
        select(_EVENT.c.id, _EVENT.c.received_at).where(_EVENT.c.id > after).order_by(_EVENT.c.id).limit(AT_ONCE)
    ).all()
    if not seen:
        return Batch(0, None)
    query = _forgettable(before).where(_EVENT.c.id > after, _EVENT.c.id <= seen[-1].id)
    if not rehearsed:
        query = query.with_for_update(of=_EVENT, skip_locked=True)
    events = session.scalars(query).all()
    if events and not rehearsed:
        _delete(session, events)
    is_last = len(seen) < AT_ONCE or seen[-1].received_at >= before  # ids are given in the order of receipt
    return Batch(len(events), None if is_last else EventId(seen[-1].id))


def forget_alerts(session: Session, before: datetime, rehearsed: bool = False) -> int:
    """Deletes alerts about no event that are older than `before` and were told; how many, `AT_ONCE` at most.

    `rehearsed`: only counts, and counts all.
    """
    old = select(_ALERT.c.id).where(_ALERT.c.event_id.is_(None), _ALERT.c.at < before, ~_is_untold(_ALERT))
    if rehearsed:
        return len(session.scalars(old).all())
    alerts = session.scalars(old.limit(AT_ONCE).with_for_update(of=_ALERT, skip_locked=True)).all()
    session.execute(delete(_DELIVERY).where(_DELIVERY.c.alert_id == _any(alerts)))
    session.execute(delete(_ALERT).where(_ALERT.c.id == _any(alerts)))
    return len(alerts)


def _forgettable(before: datetime) -> Select[int]:
    this = _EVENT
    return select(this.c.id).where(
        this.c.state.in_(FINISHED),
        this.c.finished_at < before,
        this.c.type.not_in(LASTING),
        ~_is_in_hand(this),
        or_(this.c.error_type.is_(None), this.c.refusal_told),
        ~_stands_under_what_is_held(this),
        ~_has_ordered_what_counts(this, before),
        or_(this.c.type.not_in(TRADING), _is_succeeded(this)),
        ~_is_spoken_of(this, before),
    )


def _is_in_hand(this: FromClause) -> ColumnElement[bool]:
    """Whether anything of the strategy is unfinished, or parked: then all of its history may be asked for."""
    other = _EVENT.alias()
    return exists().where(other.c.strategy == this.c.strategy, unfinished(other))


def _stands_under_what_is_held(this: FromClause) -> ColumnElement[bool]:
    """Whether the strategy holds a position that this event, or an earlier one, opened.

    Delivered again, a CLOSE from after the opening would close it; from before, it is known to mean another. Compared
    by ProQuant's timestamp alone: a second delivery would come with a new sequence number.
    """
    held, opener = _POSITION.alias(), _EVENT.alias()
    return exists().where(
        held.c.strategy == this.c.strategy,
        held.c.state == "open",
        opener.c.id == held.c.opened_by,
        opener.c.timestamp_ms <= this.c.timestamp_ms,
    )


def _has_ordered_what_counts(this: FromClause, before: datetime) -> ColumnElement[bool]:
    """Whether an order of it is unsettled, or opened or closed a part of what is open, or was lately."""
    order, position = _ORDER.alias(), _POSITION.alias()
    counts = exists().where(
        position.c.id == order.c.position_id, or_(position.c.state == "open", position.c.closed_at >= before)
    )
    return exists().where(order.c.event_id == this.c.id, or_(order.c.state.not_in(ORDER_FINAL), counts))


def _is_succeeded(this: FromClause) -> ColumnElement[bool]:
    """Whether a later event stays that decides about every earlier one: so an OPEN that comes again is superseded.

    One that traded and is done. For an event that ordered nothing another CLOSE or REOPEN is enough, whatever became of
    it. So the last one that was done, and all after it, stay with their strategy.
    """
    later, order = _EVENT.alias(), _ORDER.alias()
    has_ordered = exists().where(order.c.event_id == this.c.id)
    closing = (EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN)
    return exists().where(
        later.c.strategy == this.c.strategy,
        later.c.timestamp_ms > this.c.timestamp_ms,
        or_(
            and_(later.c.type.in_(TRADING), later.c.state == EventState.DONE),
            and_(later.c.type.in_(closing), this.c.state != EventState.DONE, ~has_ordered),
        ),
    )


def _is_spoken_of(this: FromClause, before: datetime) -> ColumnElement[bool]:
    """Whether ProQuant has lately delivered it again, or a person has lately been told of it, or is still to be."""
    answer, alert = _ANSWER.alias(), _ALERT.alias()
    return or_(
        exists().where(answer.c.event_id == this.c.id, answer.c.last_at >= before),
        exists().where(alert.c.event_id == this.c.id, or_(alert.c.at >= before, _is_untold(alert))),
    )


def _is_untold(alert: FromClause) -> ColumnElement[bool]:
    pending = exists().where(_DELIVERY.c.alert_id == alert.c.id, _DELIVERY.c.state == DeliveryState.PENDING)
    return or_(alert.c.routed_at.is_(None), pending)


def _delete(session: Session, events: Sequence[int]) -> None:
    """From the leaves to the root. A position goes with the event that opened it: its OPEN leg names it."""
    orders = select(_ORDER.c.id).where(_ORDER.c.event_id == _any(events))
    positions = select(_ORDER.c.position_id).where(_ORDER.c.event_id == _any(events))
    alerts = select(_ALERT.c.id).where(_ALERT.c.event_id == _any(events))
    for statement in (
        delete(_DELIVERY).where(_DELIVERY.c.alert_id.in_(alerts)),
        delete(_ALERT).where(_ALERT.c.event_id == _any(events)),
        delete(_ANSWER).where(_ANSWER.c.event_id == _any(events)),
        delete(_RESOLUTION).where(_RESOLUTION.c.event_id == _any(events)),
        delete(_FILL).where(_FILL.c.order_id.in_(orders)),
        delete(_POSITION).where(_POSITION.c.id.in_(positions), _POSITION.c.opened_by == _any(events)),
        delete(_ORDER).where(_ORDER.c.event_id == _any(events)),
        delete(_EVENT).where(_EVENT.c.id == _any(events)),
    ):
        session.execute(statement)


def _any(ids: Sequence[int]) -> ColumnElement[Any]:
    return cast(ColumnElement[Any], any_(literal(list(ids), ARRAY(BigInteger))))
