"""Whether workers consume the queue: a canary task is put in, and one must take it out. A heartbeat proves nothing."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.database.tables.workers import SweepLease, Worker

LIFE = timedelta(seconds=60)  # so long a canary stays in the queue; another follows then, so that they never pile up
LATELY = timedelta(seconds=2)  # who consumed a task so lately hears the queue
MISSED_SWEEPS = 3
PATIENCE = timedelta(seconds=10)  # a busy machine, a Redis that restarts


@dataclass(frozen=True, slots=True)
class Canary:
    """When the last one was sent, and since when one is unheard; both None before the first."""

    sent_at: datetime | None
    unheard_since: datetime | None


def after(canary: Canary, consumed_at: datetime | None, now: datetime) -> Canary | None:
    """The canary that is to be sent now, or None while the last one may still be heard. Pure.

    Whatever a worker consumes answers the canary: under load it waits behind the doorbells. Then it is in the queue
    still, and a worker that consumes needs none: another at every sweep would only make the queue longer.
    """
    heard = _is_heard(canary, consumed_at)
    waits = not heard or (consumed_at is not None and now - consumed_at < LATELY)
    if waits and canary.sent_at is not None and now - canary.sent_at < LIFE:
        return None
    return Canary(sent_at=now, unheard_since=now if heard else canary.unheard_since)


def deaf_since(canary: Canary, consumed_at: datetime | None, now: datetime, sweep_interval: float) -> datetime | None:
    """Since when no worker has taken a canary, once that is too long to be chance; else None. Pure."""
    if _is_heard(canary, consumed_at) or canary.unheard_since is None:
        return None
    patience = MISSED_SWEEPS * timedelta(seconds=sweep_interval) + PATIENCE
    return canary.unheard_since if now - canary.unheard_since > patience else None


def send_due(session: Session, now: datetime) -> bool:
    """Notes that a canary is being sent, if one is due."""
    following = after(_canary(session), _consumed_at(session), now)
    if following is not None:
        _store(session, following)
    return following is not None


def cancel(session: Session) -> None:
    """Forgets the canary: Redis is away, so an unanswered one proves nothing about the workers."""
    _store(session, Canary(None, None))


def deaf(session: Session, now: datetime, sweep_interval: float) -> datetime | None:
    """As `deaf_since`, of what is stored."""
    return deaf_since(_canary(session), _consumed_at(session), now, sweep_interval)


def consumed(session: Session, worker: str, now: datetime) -> None:
    """The worker has just taken a task out of the queue."""
    session.execute(update(Worker).where(Worker.name == worker).values(consumed_at=now))


def _is_heard(canary: Canary, consumed_at: datetime | None) -> bool:
    return canary.unheard_since is None or (consumed_at is not None and consumed_at >= canary.unheard_since)


def _canary(session: Session) -> Canary:
    row = session.execute(select(SweepLease.canary_at, SweepLease.unheard_since)).one_or_none()
    return Canary(None, None) if row is None else Canary(row.canary_at, row.unheard_since)


def _consumed_at(session: Session) -> datetime | None:
    return session.scalar(select(func.max(Worker.consumed_at)))


def _store(session: Session, canary: Canary) -> None:
    session.execute(update(SweepLease).values(canary_at=canary.sent_at, unheard_since=canary.unheard_since))
