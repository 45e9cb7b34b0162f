"""Raises an alert when a closing event has waited for minutes. A duty of the sweep."""

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.accounts.orphan_policy import OrphanEvent
from shared.alerts.raising import raise_alert
from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.database.tables.alerts import Alert
from shared.database.tables.events import EventRow
from shared.domain import AccountId, AlertKind, EventId, EventType
from shared.inbox.unfinished import runnable

PATIENCE = timedelta(minutes=5)  # an OPEN expires by then, and its refusal is told; what closes waits for ever
AGAIN = timedelta(hours=1)
CLOSING = (EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN, OrphanEvent.CLOSE)


def warn_due(sessions: Sessions) -> None:
    """Alerts, once an hour, each account whose closing events have waited for longer than `PATIENCE`."""
    with sessions.begin() as session:
        warn(session, database_clock(session))


def warn(session: Session, now: datetime) -> None:
    """The same at `now`. One alert an account, for the event that came first: an outage concerns all of them."""
    late = (
        select(EventRow.account_id, func.min(EventRow.id).label("first"), func.count().label("count"))
        .where(runnable(EventRow), EventRow.type.in_(CLOSING), EventRow.received_at <= now - PATIENCE)
        .group_by(EventRow.account_id)
        .subquery()
    )
    told = select(Alert.id).where(
        Alert.account_id == late.c.account_id, Alert.kind == AlertKind.OVERDUE, Alert.at > now - AGAIN
    )
    found = select(late, EventRow.reason).join(EventRow, EventRow.id == late.c.first).where(~told.exists())
    for account, first, count, reason in session.execute(found).all():
        raise_alert(session, AlertKind.OVERDUE, _sentence(count, first, reason), AccountId(account), EventId(first))


def _sentence(count: int, first: int, reason: str | None) -> str:
    what = "An event that closes a position has" if count == 1 else f"{count} events that close positions have"
    why = f" {reason}" if reason else ""
    return f"{what} not been executed for more than {PATIENCE.seconds // 60} minutes; the first is event {first}.{why}"
