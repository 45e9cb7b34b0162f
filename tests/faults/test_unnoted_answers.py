"""Answers that could not be noted, and answers that never left: a refusal after them is told to a person."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_events
from sqlalchemy import func, select, update

from shared.database.engine import Sessions
from shared.database.tables.accounts import Account
from shared.database.tables.events import EventRow, Strategy
from shared.domain import AccountId, Envelope, SignalEvent
from shared.inbox import store as inbox
from shared.proquant.request import signal_body
from tests.faults.test_checker_passes import delivered
from tests.faults.test_database_away import away
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge, signal
from tests.support.judge.observed import Exchange, PaperBooks
from tests.support.judge.verdict import check
from workers.sweep import untold_refusals


@pytest.fixture
def server(postgres_server: str) -> str:
    return postgres_server


NOTE, LOOK = "UPDATE events SET accepted_at", "SELECT events.state, events.error_type"
WAYS: dict[str, dict[str, Any]] = {
    "nobody was rung": {"deaf": True},
    "all places to wait are taken": {"places": 0},
    "it was waited for in vain": {"wait": 0.3},
}


@pytest.mark.parametrize("way", WAYS)
def test_a_200_that_could_not_be_noted_counts_as_given(
    sessions: Sessions, database_url: str, server: str, way: str
) -> None:
    with bridges.running(sessions, database_url, **WAYS[way]) as bridge:
        bridge.open_account()
        somebody_else_works(bridge)
        too_much = signal("SIGNAL_OPEN", quantity=Decimal(5000))
        with lost_before(NOTE, sessions, server, database_url) as lost:
            history = [delivered(bridge, too_much)]
        assert lost == [NOTE]
        assert answered(history) == [200]
        ends(bridge)
        assert wrong(bridge, history) == []
        assert [alert.kind for alert in bridge.alerts()] == ["late_failure"]
        history.append(delivered(bridge, too_much))
        assert answered(history) == [200, 422]
        assert wrong(bridge, history) == []


def test_a_refusal_of_which_a_receiver_died_is_told(bridge: Bridge) -> None:
    """Right after the commit, which is all that it leaves behind."""
    too_much = signal("SIGNAL_OPEN", quantity=Decimal(5000))
    store(bridge, too_much)
    ends(bridge)
    assert wrong(bridge, [Exchange(bridge.account, too_much, None, 0, 1)]) == []
    assert [alert.kind for alert in bridge.alerts()] == ["late_failure"]


def test_a_refusal_that_was_told_in_time_is_not_told_again(bridge: Bridge) -> None:
    history = [delivered(bridge, signal("SIGNAL_OPEN", quantity=Decimal(5000)))]
    assert answered(history) == [422]
    ends(bridge)
    assert wrong(bridge, history) == []
    assert bridge.alerts() == []


def test_a_200_never_denies_a_refusal_that_was_told(
    bridge: Bridge, sessions: Sessions, database_url: str, server: str
) -> None:
    too_much = signal("SIGNAL_OPEN", quantity=Decimal(5000))
    history = [delivered(bridge, too_much)]
    with lost_before(LOOK, sessions, server, database_url) as lost:
        history.append(delivered(bridge, too_much))
    assert lost == [LOOK]
    history.append(delivered(bridge, too_much))
    assert answered(history) == [422, 503, 422]
    ends(bridge)
    assert wrong(bridge, history) == []


def somebody_else_works(bridge: Bridge) -> None:
    """On the strategy, which has traded before: so its next signal waits."""
    for type_ in ("SIGNAL_OPEN", "SIGNAL_CLOSE"):
        assert bridge.post(signal(type_, "p0")).status_code == 200
        bridge.settled()
    with bridge.sessions.begin() as session:
        session.execute(
            update(Strategy).values(lease_owner="other", lease_until=func.clock_timestamp() + timedelta(hours=1))
        )


@contextmanager
def lost_before(statement: str, sessions: Sessions, server: str, database_url: str) -> Iterator[list[str]]:
    """PostgreSQL is gone, for all, from the instant at which a statement that begins like this is executed."""
    engine = sessions.kw["bind"]
    lost: list[str] = []
    with ExitStack() as outage:

        def lose(_connection: Any, _cursor: Any, executed: str, *_: Any) -> None:
            if executed.startswith(statement) and not lost:
                lost.append(statement)
                outage.enter_context(away(server, database_url))

        sqlalchemy_events.listen(engine, "before_cursor_execute", lose)
        try:
            yield lost
        finally:
            sqlalchemy_events.remove(engine, "before_cursor_execute", lose)


def ends(bridge: Bridge) -> None:
    """The event is executed, its answers are written down, a minute passes, and somebody sweeps."""
    with bridge.sessions.begin() as session:
        session.execute(update(Strategy).values(lease_until=None))
    bridge.settled()
    bridge.answered.flush()
    with bridge.sessions.begin() as session:
        ended = EventRow.finished_at - untold_refusals.GRACE
        session.execute(update(EventRow).values(finished_at=ended))
    untold_refusals.alert_due(bridge.sessions)


def store(bridge: Bridge, event: SignalEvent) -> None:
    with bridge.sessions.begin() as session:
        account = AccountId(session.scalars(select(Account.id).where(Account.name == bridge.account)).one())
        body = hashlib.sha256(signal_body(event)).hexdigest()
        inbox.add(session, account, Envelope("v1", None, (), event), body, answered=False)


def answered(history: list[Exchange]) -> list[int]:
    return [exchange.answer.status for exchange in history if exchange.answer is not None]


def wrong(bridge: Bridge, history: list[Exchange]) -> list[Any]:
    with bridge.sessions() as session:
        return list(check(session, PaperBooks(session), history))
