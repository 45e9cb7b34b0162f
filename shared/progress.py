"""How an event moves through its states once it is stored: for the worker that holds its strategy's lease."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from shared.alerts import raise_alert
from shared.domain import (
    EVENT_TRANSITIONS,
    AccountId,
    AlertKind,
    EventId,
    EventState,
    EventType,
    Refusal,
    SkipReason,
    StrategyKey,
)
from shared.errors import IllegalTransition
from shared.orphans import TRADING
from shared.tables import EventRow, OrderRow, Strategy

RUNNABLE = (EventState.RECEIVED, EventState.EXECUTING, EventState.WAITING)
OPENING = (EventType.SIGNAL_OPEN, EventType.SIGNAL_REOPEN)


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
    begun = exists().where(OrderRow.event_id == EventRow.id)
    parked = exists().where(EventRow.strategy == strategy, EventRow.state == EventState.PARKED)
    query = (
        select(EventRow.id, EventRow.state, EventRow.next_attempt_at, EventRow.account_id, EventRow.type)
        .where(EventRow.strategy == strategy, EventRow.state.in_(RUNNABLE))
        .where(or_(EventRow.type.not_in(OPENING), ~parked))
        .order_by(case((begun, 0), else_=1), EventRow.timestamp_ms, EventRow.seq)
        .limit(1)
    )
    row = session.execute(query).one_or_none()
    if row is None:
        return Due(None)
    if row.state == EventState.WAITING and row.next_attempt_at > now:
        return Due(None, next_at=row.next_attempt_at, waiting=EventId(row.id))
    return Due(EventId(row.id), AccountId(row.account_id), row.type in TRADING)


def take_up(session: Session, event: EventId, now: datetime) -> None:
    """The worker starts on the event, or takes it over from one whose lease ran out."""
    started_at = func.coalesce(EventRow.started_at, now)
    news = {"attempts": EventRow.attempts + 1, "started_at": started_at, "next_attempt_at": None, "reason": None}
    _move(session, event, EventState.EXECUTING, **news)


def wait(session: Session, event: EventId, until: datetime, reason: str) -> None:
    """The event is due again at `until`."""
    _move(session, event, EventState.WAITING, next_attempt_at=until, reason=reason)


def failures(session: Session, event: EventId) -> int:
    """How often our own code has raised over the event."""
    return session.execute(select(EventRow.failures).where(EventRow.id == event)).scalar_one()


def fail(session: Session, event: EventId, until: datetime, reason: str) -> None:
    """Our own code raised over the event: it is due again at `until`."""
    _move(session, event, EventState.WAITING, next_attempt_at=until, reason=reason, failures=EventRow.failures + 1)


def park(session: Session, event: EventId, reason: str) -> None:
    """Only a person can settle the event; one is told in the same transaction."""
    _move(session, event, EventState.PARKED, reason=reason)
    account = session.execute(select(EventRow.account_id).where(EventRow.id == event)).scalar_one()
    raise_alert(session, AlertKind.PARKED, reason, AccountId(account), event)


def hand_back(session: Session, event: EventId) -> None:
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


def to_ring(session: Session, now: datetime, unrung_since: datetime, limit: int) -> Sequence[EventId]:
    """Events that are due while nobody works on their strategy: one a strategy, each noted as rung now.

    Those rung or received after `unrung_since` are left alone: their doorbell may still be in the queue.
    """
    due = (
        select(EventRow.id)
        .join(Strategy, Strategy.id == EventRow.strategy)
        .where(EventRow.state.in_(RUNNABLE))
        .where(or_(EventRow.next_attempt_at.is_(None), EventRow.next_attempt_at <= now))
        .where(or_(Strategy.lease_until.is_(None), Strategy.lease_until < now))
        .where(EventRow.received_at <= unrung_since)
        .where(or_(EventRow.rung_at.is_(None), EventRow.rung_at <= unrung_since))
        .ext(distinct_on(EventRow.strategy))
        .order_by(EventRow.strategy, EventRow.timestamp_ms, EventRow.seq)
        .limit(limit)
    )
    found = session.scalars(due).all()
    if found:
        session.execute(update(EventRow).where(EventRow.id.in_(found)).values(rung_at=now))
    return [EventId(event) for event in found]


def _move(session: Session, event: EventId, state: EventState, **values: object) -> datetime | None:
    """Changes the state where the state graph allows it, and returns `accepted_at`. Raises IllegalTransition."""
    before = [origin for origin, targets in EVENT_TRANSITIONS.items() if state in targets]
    moved = session.execute(
        update(EventRow)
        .where(EventRow.id == event, EventRow.state.in_(before))
        .values(state=state, **values)
        .returning(EventRow.accepted_at)
    ).one_or_none()
    if moved is None:
        raise IllegalTransition(f"Event {event} cannot become {state}: it is in none of {', '.join(before)}.")
    accepted_at: datetime | None = moved.accepted_at
    return accepted_at
