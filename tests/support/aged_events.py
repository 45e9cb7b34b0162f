"""Lets what has happened be old, forgets it, and looks at what is left."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, text, update

from shared.database.engine import Sessions
from shared.database.tables.alerts import Alert, DeliveryRow
from shared.database.tables.events import AnswerRow, EventRow, Resolution
from shared.database.tables.orders import FillRow, OrderRow, PositionRow
from shared.domain import AccountId, Direction, Event, EventId
from shared.inbox import retention
from shared.keys import event_key
from shared.ledger import reconciliation
from shared.ledger.drift import Agreement
from tests.support.in_process_bridge import Bridge, signal
from tools.cli.checks.finding import CheckResult
from tools.cli.checks.ledger import ledger_findings

MONTH, OVER_A_YEAR = timedelta(days=30), timedelta(days=400)
KEPT = timedelta(days=10)
TABLES = (EventRow, OrderRow, FillRow, PositionRow, Alert, DeliveryRow, AnswerRow, Resolution)


def tell(bridge: Bridge, *told: tuple[str, str]) -> list[Event]:
    """Sends signals by type and position, each after the one before is over; REOPENs turn round. Returns them."""
    directions = {"BUY": "SELL", "SELL": "BUY"}
    direction, sent = "BUY", list[Event]()
    for type_, position in told:
        direction = directions[direction] if type_ == "REOPEN" else direction
        event = signal(f"SIGNAL_{type_}", position, direction=Direction(direction))
        bridge.post(event)
        bridge.settled()
        sent.append(event)
    return sent


def grow_old(bridge: Bridge, age: timedelta, events: Sequence[Event] = ()) -> list[Event]:
    """Lets all that has happened so far have happened so long ago; returns the events as ProQuant would repeat them."""
    moved = {
        "events": "received_at accepted_at started_at finished_at",
        "orders": "in_flight_until created_at updated_at",
        "positions": "opened_at closed_at",
        "alerts": "at routed_at",
        "answers": "first_at last_at",
    }
    with bridge.sessions.begin() as session:
        session.execute(update(Alert).values(routed_at=func.now()))
        session.execute(update(EventRow).values(refusal_told=True))
        for table, columns in moved.items():
            earlier = ", ".join(f"{column} = {column} - :age" for column in columns.split())
            session.execute(text(f"UPDATE {table} SET {earlier}"), {"age": age})  # noqa: S608  # names of ours
        milliseconds = round(age.total_seconds() * 1000)
        session.execute(update(EventRow).values(timestamp_ms=EventRow.timestamp_ms - milliseconds))
        repeated = [replace(event, timestamp_ms=event.timestamp_ms - milliseconds) for event in events]
        for event, again in zip(events, repeated, strict=True):  # some keys have the timestamp in them
            session.execute(update(EventRow).where(EventRow.key == event_key(event)).values(key=event_key(again)))
    return repeated


def forget(sessions: Sessions, rehearsed: bool = False) -> int:
    """All that is older than `KEPT`, as the workers and the command do it."""
    forgotten, after = 0, EventId(0)
    while True:
        with sessions.begin() as session:
            batch = retention.forget_events(session, datetime.now(UTC) - KEPT, after, rehearsed)
        forgotten += batch.events
        if batch.after is None:
            return forgotten
        after = batch.after


def left(bridge: Bridge) -> list[str]:
    return [f"{row.type.removeprefix('SIGNAL_')} {row.proquant_position_id or ''}".strip() for row in bridge.events()]


def counts(sessions: Sessions) -> list[int]:
    with sessions() as session:
        return [session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES]


def ledger_is_well(bridge: Bridge) -> None:
    with bridge.sessions() as session:
        assert [each for each in ledger_findings(session) if each.result is not CheckResult.OK] == []
    look = reconciliation.reconcile(bridge.sessions, AccountId(1), bridge.net)
    assert look.result is Agreement.AGREES, look
