"""Raises an alert once a day while ProQuant is about to stop sending the version that we read. A duty of the sweep."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from shared.alerts.raising import raise_alert
from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.database.tables.events import ProtocolVersion
from shared.domain import AlertKind

AGAIN = timedelta(days=1)


def warn_due(sessions: Sessions, days: int) -> None:
    """Alerts, once a day, each version that ends within so many days; or has ended."""
    with sessions.begin() as session:
        warn(session, database_clock(session), days)


def warn(session: Session, now: datetime, days: int) -> None:
    """The same at `now`. Says nothing while ProQuant also sends a version that we read and that does not end."""
    lasting = select(ProtocolVersion.version).where(ProtocolVersion.supported, ProtocolVersion.deprecation.is_(None))
    ending = (
        update(ProtocolVersion)
        .where(ProtocolVersion.supported, ProtocolVersion.deprecation <= now + timedelta(days=days))
        .where(or_(ProtocolVersion.warned_at.is_(None), ProtocolVersion.warned_at <= now - AGAIN))
        .where(~lasting.exists())
        .values(warned_at=now)
        .returning(ProtocolVersion.version, ProtocolVersion.deprecation)
    )
    for version, end in session.execute(ending):
        raise_alert(session, AlertKind.DEPRECATION, _sentence(version, end, now))


def _sentence(version: str, end: datetime | None, now: datetime) -> str:
    if end is None:
        raise ValueError("A version that has no end was found to end.")
    if end <= now:
        return f"ProQuant may have stopped sending {version} on {end:%Y-%m-%d}; upgrade now."
    return f"ProQuant stops sending {version} on {end:%Y-%m-%d}, in {(end - now).days} days; upgrade before that day."
