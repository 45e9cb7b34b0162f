"""Who may work on one strategy, until when: a row with a fence that grows with every claim."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from shared.domain import EventId, StrategyKey
from shared.errors import LeaseLost
from shared.tables import EventRow, Strategy


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a strategy. `expires` is by the monotonic clock of this process, counted from before the
    database was asked: so we never believe to have the lease for longer than the database does.
    """

    strategy: StrategyKey
    owner: str
    fence: int
    seconds: float
    expires: float

    def covers(self, seconds: float, monotonic: float) -> bool:
        """Whether the lease lasts for that much longer: a call that may outlive it must not be begun."""
        return monotonic + seconds < self.expires


def claim(
    session: Session, event: EventId, owner: str, now: datetime, seconds: float, monotonic: float
) -> Lease | None:
    """Takes the strategy of the event, if nobody has it. Who has it looks for more work before it lets go."""
    strategy = select(EventRow.strategy).where(EventRow.id == event).scalar_subquery()
    row = session.execute(
        update(Strategy)
        .where(Strategy.id == strategy, or_(Strategy.lease_until.is_(None), Strategy.lease_until < now))
        .values(lease_owner=owner, lease_until=now + timedelta(seconds=seconds), fence=Strategy.fence + 1)
        .returning(Strategy.id, Strategy.fence)
    ).one_or_none()
    return None if row is None else Lease(StrategyKey(row.id), owner, row.fence, seconds, monotonic + seconds)


def renew(session: Session, lease: Lease, now: datetime, monotonic: float) -> Lease:
    """Locks the strategy for this transaction and makes the lease last its whole time again.

    Every transaction of a worker begins with it, so that nothing is written after the strategy was taken over.
    Raises LeaseLost.
    """
    held = session.execute(
        update(Strategy)
        .where(Strategy.id == lease.strategy, Strategy.fence == lease.fence, Strategy.lease_owner == lease.owner)
        .values(lease_until=now + timedelta(seconds=lease.seconds))
        .returning(Strategy.id)
    ).one_or_none()
    if held is None:
        raise LeaseLost(f"Strategy {lease.strategy} is no longer ours (fence {lease.fence}).")
    return replace(lease, expires=monotonic + lease.seconds)


def release(session: Session, lease: Lease) -> None:
    """Lets go, in the transaction that has just looked for more work under the row's lock: no wake-up is missed."""
    session.execute(
        update(Strategy)
        .where(Strategy.id == lease.strategy, Strategy.fence == lease.fence)
        .values(lease_owner=None, lease_until=None)
    )
