"""How the old is forgotten: batch by batch, by workers that may die, beside others that hold locks."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from shared.database.engine import Sessions
from shared.database.tables.alerts import Alert, DeliveryRow
from shared.database.tables.events import EventRow
from shared.domain import EventId, EventState
from shared.inbox import retention
from tests.support.aged_events import KEPT, MONTH, OVER_A_YEAR, counts, forget, grow_old, ledger_is_well, left, tell
from tests.support.in_process_bridge import Bridge
from workers.sweep.retention import REST_SECONDS, Retention


def test_a_rehearsal_counts_what_would_go_and_deletes_nothing(bridge: Bridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 2)
    tell(bridge, *((type_, f"p{n}") for n in range(4) for type_ in ("OPEN", "CLOSE")))
    grow_old(bridge, MONTH)
    before = counts(bridge.sessions)
    assert forget(bridge.sessions, rehearsed=True) == 7
    assert counts(bridge.sessions) == before
    assert forget(bridge.sessions) == 7


def test_a_crash_in_the_middle_loses_nothing_and_the_next_time_finishes_it(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p1"), ("CLOSE", "p1"), ("OPEN", "p2"), ("CLOSE", "p2"))
    grow_old(bridge, MONTH)
    before = counts(bridge.sessions)
    with pytest.raises(OperationalError):
        _forget_and_die(bridge.sessions)
    assert counts(bridge.sessions) == before
    ledger_is_well(bridge)
    assert forget(bridge.sessions) == 3
    ledger_is_well(bridge)


def test_an_event_that_somebody_has_locked_is_not_waited_for(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p1"), ("CLOSE", "p1"), ("OPEN", "p2"), ("CLOSE", "p2"))
    grow_old(bridge, MONTH)
    with bridge.sessions() as holder:
        holder.execute(select(EventRow.id).where(EventRow.id == 1).with_for_update())
        assert forget(bridge.sessions) == 2
    assert forget(bridge.sessions) == 1


def test_alerts_about_no_event_go_by_their_own_age_once_they_were_told(sessions: Sessions) -> None:
    now = datetime.now(UTC)
    with sessions.begin() as session:
        session.add(Alert(id=1, kind="drift", detail="Old and told.", at=now - MONTH, routed_at=now))
        session.add(Alert(id=2, kind="drift", detail="Old.", at=now - MONTH))
        session.add(Alert(id=3, kind="drift", detail="New.", at=now, routed_at=now))
        session.flush()
        session.add(DeliveryRow(alert_id=1, channel="mail", topic="t", state="sent"))
    with sessions.begin() as session:
        assert retention.forget_alerts(session, now - KEPT, rehearsed=True) == 1
        assert retention.forget_alerts(session, now - KEPT) == 1
        assert retention.forget_alerts(session, now - KEPT) == 0
    with sessions() as session:
        assert session.scalars(select(Alert.id).order_by(Alert.id)).all() == [2, 3]


def test_a_worker_forgets_at_its_sweeps_and_rests_for_an_hour_after_the_last_event(
    bridge: Bridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 1)  # four events a sweep
    tell(bridge, *((type_, f"p{n}") for n in range(3) for type_ in ("OPEN", "CLOSE")))
    grow_old(bridge, MONTH)
    clock = [0.0]
    duty = Retention(bridge.sessions, KEPT.days, monotonic=lambda: clock[0])
    duty.forget()
    assert len(bridge.events()) == 2
    duty.forget()
    assert left(bridge) == ["CLOSE p2"]
    tell(bridge, ("OPEN", "p9"), ("CLOSE", "p9"))
    grow_old(bridge, MONTH)
    duty.forget()
    assert len(bridge.events()) == 3, "it did not rest"
    clock[0] += REST_SECONDS
    duty.forget()
    assert left(bridge) == ["CLOSE p9"]


def test_without_a_number_of_days_nothing_is_ever_forgotten(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p1"), ("CLOSE", "p1"), ("OPEN", "p2"), ("CLOSE", "p2"))
    grow_old(bridge, OVER_A_YEAR)
    Retention(bridge.sessions, 0).forget()
    assert {row.state for row in bridge.events()} == {EventState.DONE}
    assert len(bridge.events()) == 4


def _forget_and_die(sessions: Sessions) -> None:
    with sessions.begin() as dying:
        assert retention.forget_events(dying, datetime.now(UTC) - KEPT, EventId(0)).events == 3
        backend = dying.scalar(text("SELECT pg_backend_pid()"))
        with sessions.begin() as other:
            other.execute(text("SELECT pg_terminate_backend(:backend)"), {"backend": backend})
