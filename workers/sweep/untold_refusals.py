"""Raises an alert for a refusal of which ProQuant may not have been told. A duty of the sweep."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from shared.alerts.raising import raise_alert
from shared.database.clock import Clock, database_clock
from shared.database.engine import Sessions
from shared.domain import AlertKind
from shared.inbox import refusals
from shared.inbox.refusals import UntoldRefusal

# A request that waits sees the end of its event within a second, however long it may wait, and its answer is noted
# within another. The rest is for a receiver or a database that is slow. Who is told too early is told in vain; who is
# told late may hold what he does not know of.
GRACE = timedelta(seconds=60)
AT_ONCE = 200  # after an outage there may be many; the next sweep goes on


def alert_due(sessions: Sessions, clock: Clock = database_clock) -> None:
    """Alerts each event that was refused longer than `GRACE` ago and of which nobody is known to have been told."""
    with sessions.begin() as session:
        alert_untold(session, clock(session))


def alert_untold(session: Session, now: datetime) -> None:
    """The same at `now`. The alert and the note that it was raised are one transaction: one alert an event."""
    found = refusals.untold(session, now - GRACE, AT_ONCE)
    for refusal in found:
        raise_alert(session, AlertKind.LATE_FAILURE, _sentence(refusal), refusal.account, refusal.event)
    if found:
        refusals.mark_told(session, [refusal.event for refusal in found])


def _sentence(refusal: UntoldRefusal) -> str:
    why = f"{refusal.error}. {refusal.detail}".strip()
    return f"Refused, and it is not known that ProQuant was told; it may have been answered 200: {why}"
