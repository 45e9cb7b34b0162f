"""Notes that an event had to wait for requests that its account may make, so that a receipt tells it ever after."""

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.database.tables.orders import WaitRow
from shared.domain import EventId, Leg


def note(session: Session, event: EventId, leg: Leg, since: datetime, until: datetime, reason: str) -> None:
    """The leg waits from `since` until `until`, for our own budget of requests or since the broker asked for it."""
    seconds = (until - since).total_seconds()
    wait = {"event_id": event, "leg": leg, "since": since, "until": until, "seconds": seconds, "reason": reason}
    noted = insert(WaitRow).values(**wait)
    again = {
        "times": WaitRow.times + 1,
        "seconds": WaitRow.seconds + seconds,
        "until": until,
        "reason": reason,
    }
    session.execute(noted.on_conflict_do_update(index_elements=["event_id", "leg"], set_=again))
