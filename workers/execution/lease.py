"""The lease of a strategy: one worker, until a time, under a fencing token that grows with every claim."""

import threading
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import bindparam, null, or_, select, update
from sqlalchemy.orm import Session

from shared.database.engine import table_of
from shared.database.prepared import Statement
from shared.database.tables.events import EventRow, Strategy
from shared.domain import FINISHED, EventId, StrategyKey
from shared.errors import LeaseLost

_STRATEGY = table_of(Strategy)
_OF_EVENT = (
    select(EventRow.strategy)
    .where(EventRow.id == bindparam("event"), EventRow.state.not_in(sorted(FINISHED)))
    .scalar_subquery()
)
_FREE = or_(_STRATEGY.c.lease_until.is_(None), _STRATEGY.c.lease_until < bindparam("now"))
_OURS = (_STRATEGY.c.id == bindparam("strategy"), _STRATEGY.c.fence == bindparam("of_fence"))
_CLAIM = Statement(
    update(_STRATEGY)
    .where(_STRATEGY.c.id == _OF_EVENT, _FREE)
    .values(lease_owner=bindparam("owner"), lease_until=bindparam("until"), fence=_STRATEGY.c.fence + 1)
    .returning(_STRATEGY.c.id, _STRATEGY.c.fence)
)
_RENEW = Statement(
    update(_STRATEGY)
    .where(*_OURS, _STRATEGY.c.lease_owner == bindparam("owner"))
    .values(lease_until=bindparam("until"))
    .returning(_STRATEGY.c.id)
)
_RELEASE = Statement(update(_STRATEGY).where(*_OURS).values(lease_owner=null(), lease_until=null()))


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


def owner_of_thread(worker: str) -> str:
    """The name under which the thread that asks owns leases; `worker` is its process, unique among all."""
    return f"{worker}:{threading.get_ident()}"


def claim(
    session: Session, event: EventId, owner: str, now: datetime, seconds: float, monotonic: float
) -> Lease | None:
    """Takes the strategy of the event, if nobody has it: who has it looks for more work before it lets go.

    Nor is it taken for an event that has ended: what else is due in the strategy has a doorbell of its own.
    """
    until = now + timedelta(seconds=seconds)
    values = {"event": event, "now": now, "owner": owner, "until": until}
    row = _CLAIM.row(session, values)
    return None if row is None else Lease(StrategyKey(row.id), owner, row.fence, seconds, monotonic + seconds)


def renew(session: Session, lease: Lease, now: datetime, monotonic: float) -> Lease:
    """Locks the strategy for this transaction and makes the lease last its whole time again.

    Every transaction of a worker begins with it, so that nothing is written after the strategy was taken over.
    Raises LeaseLost.
    """
    until = now + timedelta(seconds=lease.seconds)
    ours = {"strategy": lease.strategy, "of_fence": lease.fence, "owner": lease.owner, "until": until}
    if _RENEW.row(session, ours) is None:
        raise LeaseLost(f"Strategy {lease.strategy} is no longer ours (fence {lease.fence}).")
    return replace(lease, expires=monotonic + lease.seconds)


def release(session: Session, lease: Lease) -> None:
    """Releases the lease, in the transaction that has just looked for more work under the row's lock."""
    _RELEASE.rows(session, {"strategy": lease.strategy, "of_fence": lease.fence})
