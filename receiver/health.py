"""GET /healthz: the process lives. GET /readyz: it makes sense to send it events."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from shared.database import migrate
from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.database.tables.events import EventRow, ProtocolVersion
from shared.database.tables.workers import Worker
from shared.inbox.delays import OLDEST_UNFINISHED, dead_after
from shared.inbox.unfinished import parked, runnable
from shared.queue import canary


@dataclass(slots=True)
class Readiness:
    """What stands in the way, in words for an operator, and figures to watch."""

    reasons: list[str] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)


def readiness(sessions: Sessions, sweep_interval: float) -> Readiness:
    """Asks everything that an event needs; each reason says what is wrong. Never raises for a database that is away."""
    found = Readiness()
    try:
        with sessions() as session:
            if not migrate.is_current(session.connection()):
                found.reasons.append("The database schema is not current; run `proquant-bridge migrate`.")
                return found
            now = database_clock(session)
            _workers(session, now, sweep_interval, found)
            _unfinished(session, now, found)
            _deprecations(session, now, found)
    except SQLAlchemyError as error:
        found.reasons.append(f"The database does not answer ({type(error).__name__}).")
    return found


def _workers(session: Session, now: datetime, sweep_interval: float, found: Readiness) -> None:
    since = now - dead_after(sweep_interval)
    alive = session.scalar(select(func.count()).select_from(Worker).where(Worker.seen_at >= since))
    found.details["workers_alive"] = alive
    if not alive:
        found.reasons.append("No worker is alive; events are stored, and nobody executes them.")
    elif canary.deaf(session, now, sweep_interval) is not None:
        found.reasons.append("Workers are alive but do not hear the queue; one executes what is due by itself.")


def _unfinished(session: Session, now: datetime, found: Readiness) -> None:
    oldest = session.scalar(select(func.min(EventRow.received_at)).where(runnable(EventRow)))
    count = session.scalar(select(func.count()).select_from(EventRow).where(parked(EventRow)))
    age = (now - oldest).total_seconds() if oldest is not None else 0.0
    found.details |= {"oldest_unfinished_seconds": round(age, 1), "parked_events": count}
    if age > OLDEST_UNFINISHED.total_seconds():
        found.reasons.append(f"An event has been unfinished for {age:.0f} seconds.")


def _deprecations(session: Session, now: datetime, found: Readiness) -> None:
    ending = session.execute(
        select(ProtocolVersion.version, ProtocolVersion.deprecation).where(ProtocolVersion.deprecation.is_not(None))
    )
    found.details["deprecated_versions"] = {row.version: (row.deprecation - now).days for row in ending}
