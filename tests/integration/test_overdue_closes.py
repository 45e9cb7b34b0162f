"""Who is told, and when, that something is not closed yet."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.database.tables.alerts import Alert
from shared.database.tables.events import EventRow
from shared.domain import EventId, EventState
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from workers.sweep import overdue_closes

LATE = overdue_closes.PATIENCE + timedelta(seconds=1)


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    return open_workshop(sessions)


def warn(workshop: WorkerHarness, later: timedelta = LATE) -> list[str]:
    """What is told by then, besides what was told before."""
    known = len(alerts(workshop))
    with workshop.sessions.begin() as session:
        overdue_closes.warn(session, database_clock(session) + later)
    return [alert.detail for alert in alerts(workshop)[known:]]


def alerts(workshop: WorkerHarness) -> Sequence[Alert]:
    with workshop.sessions() as session:
        return session.scalars(select(Alert).order_by(Alert.id)).all()


@pytest.mark.parametrize("kind", ["SIGNAL_CLOSE", "SIGNAL_REOPEN"])
def test_what_closes_and_is_late_is_told(workshop: WorkerHarness, kind: str) -> None:
    workshop.arrives(signal(kind))
    assert warn(workshop, overdue_closes.PATIENCE - timedelta(seconds=5)) == []
    (told,) = warn(workshop)
    assert told == (
        "An event that closes a position has not been executed for more than 5 minutes; the first is event 1."
    )
    assert [(alert.kind, alert.event_id) for alert in alerts(workshop)] == [("overdue", 1)]


def test_an_account_is_told_of_once_an_hour_however_much_waits(workshop: WorkerHarness) -> None:
    for number in range(3):
        workshop.arrives(signal("SIGNAL_CLOSE", f"p{number}", strategy_id=f"s{number}"))
    put(workshop, EventId(1), EventState.WAITING, "The broker does not answer.")
    (told,) = warn(workshop)
    assert told.startswith("3 events that close positions have")
    assert told.endswith("the first is event 1. The broker does not answer.")
    assert warn(workshop, overdue_closes.AGAIN - timedelta(seconds=5)) == []
    assert len(warn(workshop, overdue_closes.AGAIN + LATE)) == 1


def test_what_opens_ends_by_itself_and_what_is_parked_was_told(workshop: WorkerHarness) -> None:
    workshop.arrives(signal("SIGNAL_OPEN"))
    put(workshop, workshop.arrives(signal("SIGNAL_CLOSE", "p2", strategy_id="s2")), EventState.PARKED)
    assert warn(workshop) == []


def put(workshop: WorkerHarness, event: EventId, state: EventState, reason: str = "") -> None:
    with workshop.sessions.begin() as session:
        session.execute(update(EventRow).where(EventRow.id == event).values(state=state, reason=reason))
