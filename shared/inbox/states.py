"""Moves an event through its states once it is stored, for the worker that holds its strategy's lease."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    Select,
    bindparam,
    case,
    exists,
    func,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session, aliased
from sqlalchemy.sql.dml import ReturningUpdate

from shared.accounts.orphan_policy import TRADING
from shared.alerts.raising import raise_alert
from shared.database.engine import table_of
from shared.database.prepared import Statement
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.orders import OrderRow
from shared.domain import (
    EVENT_TRANSITIONS,
    OPENING,
    AccountId,
    AlertKind,
    EventId,
    EventState,
    Refusal,
    SkipReason,
    StrategyKey,
)
from shared.errors import IllegalTransition
from shared.inbox.unfinished import parked, runnable

_EVENT = table_of(EventRow)


@dataclass(frozen=True, slots=True)
class Due:
    """The event of a strategy that is to be executed now, and its account; or when the next is due, if one waits.

    `trades`: the event is a signal or a close of our own, so that a broker is needed.
    """

    event: EventId | None
    account: AccountId | None = None
    trades: bool = False
    next_at: datetime | None = None
    waiting: EventId | None = None


def next_due(session: Session, strategy: StrategyKey, now: datetime) -> Due:
    """The first unfinished event of the strategy, by ProQuant's timestamp and then by arrival.

    An event that has placed an order goes before an earlier one that arrived in the middle of it, also where the order
    has not reached the broker yet: what it was placed for must still be so when it is sent. So what has begun is ended
    first. An event that waits holds back the later ones. While one is parked, OPEN and REOPEN wait for the
    person who resolves it, and CLOSE does not: what is held must stay closable.
    """
    row = _NEXT_DUE.row(session, {"of_strategy": strategy})
    if row is None:
        return Due(None)
    if row.state == EventState.WAITING and row.next_attempt_at > now:
        return Due(None, next_at=row.next_attempt_at, waiting=EventId(row.id))
    return Due(EventId(row.id), AccountId(row.account_id), row.type in TRADING)


def _next_due() -> Select[*tuple[Any, ...]]:
    """Under another name than the table's own, so that it can stand in an update of the table."""
    strategy = bindparam("of_strategy", type_=BigInteger)
    event, other = aliased(EventRow), aliased(EventRow)
    begun = exists().where(OrderRow.event_id == event.id)
    held_up = exists().where(other.strategy == strategy, parked(other))
    return (
        select(event.id, event.state, event.next_attempt_at, event.account_id, event.type)
        .where(event.strategy == strategy, runnable(event))
        .where(or_(event.type.not_in(OPENING), ~held_up))
        .order_by(case((begun, 0), else_=1), event.timestamp_ms, event.seq)
        .limit(1)
    )


def take_next(session: Session, strategy: StrategyKey, now: datetime) -> Due:
    """Finds the first event and takes it up, if it is due: the worker starts on it, or takes it over from another."""
    row = _TAKING.row(session, {"of_strategy": strategy, "at": now})
    if row is None:
        return next_due(session, strategy, now)
    return Due(EventId(row.id), AccountId(row.account_id), row.type in TRADING)


def taking() -> ReturningUpdate[tuple[int, int, str]]:
    """The statement by which the first event is taken up, of the parameters `of_strategy` and `at`."""
    columns = _EVENT.c
    found = _next_due().subquery()
    first = select(found.c.id).scalar_subquery()
    now = bindparam("at", type_=columns.started_at.type)
    return (
        update(_EVENT)
        .where(
            columns.id == first,
            or_(columns.state != EventState.WAITING, columns.next_attempt_at <= now),
        )
        .values(
            state=EventState.EXECUTING,
            attempts=columns.attempts + 1,
            started_at=func.coalesce(columns.started_at, now),  # the first time stays
            next_attempt_at=null(),
            reason=null(),
        )
        .returning(columns.id, columns.account_id, columns.type)
    )


def wait(session: Session, event: EventId, until: datetime, reason: str) -> None:
    """The event is due again at `until`."""
    _move(session, event, EventState.WAITING, next_attempt_at=until, reason=reason)


def failures(session: Session, event: EventId) -> int:
    """How often our own code, or an adapter outside of its contract, has raised over the event."""
    return session.execute(select(EventRow.failures).where(EventRow.id == event)).scalar_one()


def fail(session: Session, event: EventId, until: datetime, reason: str) -> None:
    """Our own code, or an adapter, raised over the event: it is due again at `until`."""
    _move(session, event, EventState.WAITING, "failures", next_attempt_at=until, reason=reason)


def park(session: Session, event: EventId, reason: str) -> None:
    """Only a person can settle the event; the same transaction raises the alert."""
    _move(session, event, EventState.PARKED, reason=reason)
    account = session.execute(select(EventRow.account_id).where(EventRow.id == event)).scalar_one()
    raise_alert(session, AlertKind.PARKED, reason, AccountId(account), event)


def requeue(session: Session, event: EventId) -> None:
    """A person has resolved the parked event: it is due now, and its failures count anew."""
    _move(session, event, EventState.RECEIVED, next_attempt_at=None, rung_at=None, reason=None, failures=0)


def finish(
    session: Session,
    event: EventId,
    state: EventState,
    now: datetime,
    refusal: Refusal | None = None,
    skip: SkipReason | None = None,
) -> bool:
    """Ends the event. Returns whether ProQuant had been answered 200 by then, so that a refusal cannot reach it."""
    accepted_at = _move(
        session,
        event,
        state,
        finished_at=now,
        error_type=refusal.error if refusal else None,
        refused_by=refusal.by if refusal else None,
        reason=refusal.detail if refusal else skip,
    )
    return accepted_at is not None


def ending(order: CTE) -> CTE:
    """`finish` as done, at the parameter `ended_at`, as part of the statement that books the order `order`.

    `order` tells the event's id as `event_id`. Returns the event's `id` and `accepted_at`.
    """
    nothing = dict.fromkeys(("error_type", "refused_by", "reason"), null())
    return (
        update(_EVENT)
        .where(_EVENT.c.id == order.c.event_id, _EVENT.c.state.in_(_before(EventState.DONE)))
        .values(state=EventState.DONE, finished_at=bindparam("ended_at", type_=_EVENT.c.finished_at.type), **nothing)
        .returning(_EVENT.c.id, _EVENT.c.accepted_at)
        .cte("ended")
    )


def to_ring(session: Session, now: datetime, unrung_since: datetime, limit: int) -> Sequence[EventId]:
    """Events that are due while nobody works on their strategy: one a strategy, each noted as rung now.

    Those rung or received after `unrung_since` are left alone: their doorbell may still be in the queue. Whoever was
    rung for the longest ago comes first.
    """
    first = (
        select(EventRow.id, EventRow.rung_at)
        .join(Strategy, Strategy.id == EventRow.strategy)
        .where(runnable(EventRow))
        .where(or_(EventRow.next_attempt_at.is_(None), EventRow.next_attempt_at <= now))
        .where(or_(Strategy.lease_until.is_(None), Strategy.lease_until < now))
        .where(EventRow.received_at <= unrung_since)
        .where(or_(EventRow.rung_at.is_(None), EventRow.rung_at <= unrung_since))
        .ext(distinct_on(EventRow.strategy))
        .order_by(EventRow.strategy, EventRow.timestamp_ms, EventRow.seq)
        .subquery()
    )
    due = select(first.c.id).order_by(first.c.rung_at.asc().nulls_first(), first.c.id).limit(limit)
    found = session.scalars(due).all()
    if found:
        session.execute(update(EventRow).where(EventRow.id.in_(found)).values(rung_at=now))
    return [EventId(event) for event in found]


def _move(
    session: Session, event: EventId, state: EventState, counted: str | None = None, **values: object
) -> datetime | None:
    """Changes the state where the state graph allows it, and returns `accepted_at`. Raises IllegalTransition.

    The column `counted` grows by one.
    """
    moving = _moving(state, counted, tuple(values))
    row = moving.row(session, {"moved": event, **{f"new_{name}": value for name, value in values.items()}})
    if row is None:
        raise IllegalTransition(f"Event {event} cannot become {state}: it is in none of {', '.join(_before(state))}.")
    accepted_at: datetime | None = row.accepted_at
    return accepted_at


def _before(state: EventState) -> list[EventState]:
    return [origin for origin, targets in EVENT_TRANSITIONS.items() if state in targets]


@cache
def _moving(state: EventState, counted: str | None, names: tuple[str, ...]) -> Statement:
    columns = _EVENT.c
    values: dict[str, object] = {name: bindparam(f"new_{name}", type_=columns[name].type) for name in names}
    if counted is not None:
        values[counted] = columns[counted] + 1
    return Statement(
        update(_EVENT)
        .where(columns.id == bindparam("moved"), columns.state.in_(_before(state)))
        .values(state=state, **values)
        .returning(columns.accepted_at)
    )


_NEXT_DUE = Statement(_next_due())
_TAKING = Statement(taking())
