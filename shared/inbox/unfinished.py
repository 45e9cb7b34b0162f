"""Which events are not at their end, as conditions that the index of unfinished events serves, however it is planned.

The index goes by the time of the end and not by the states: what looks an event up by its id and minds its state must
not be led through everything that is unfinished. It was, where the plan came from a time at which that was little.
"""

from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_

from shared.database.tables.events import EventRow
from shared.domain import EventState

Events = type[EventRow] | FromClause
"""The table's class or an alias of it; or the bare table under some name."""


def unfinished(events: Events) -> ColumnElement[bool]:
    """It has to be executed yet, or is being, or waits for a time or for a person."""
    ended: ColumnElement[bool] = _columns(events).finished_at.is_(None)
    return ended


def parked(events: Events) -> ColumnElement[bool]:
    """It waits for a person."""
    return and_(unfinished(events), _columns(events).state == EventState.PARKED)


def runnable(events: Events) -> ColumnElement[bool]:
    """It is unfinished, and waits for no person."""
    return and_(unfinished(events), _columns(events).state != EventState.PARKED)


def _columns(events: Events) -> Any:
    return events.c if isinstance(events, FromClause) else events
