"""Who is told of a refusal that ProQuant may not have been told: after which time, how often, and of which not."""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from receiver.answer_log import AnswerLog
from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.database.tables.alerts import Alert
from shared.domain import ErrorType, EventId, OrderState, StrategyKey
from shared.inbox import states
from shared.proquant.answers import accepted, reply_for
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from workers.brokers.base import OrderRejected
from workers.sweep import untold_refusals

LATE = untold_refusals.GRACE + timedelta(seconds=5)
NOT_FOUND = reply_for(ErrorType.POSITION_NOT_FOUND)


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    return open_workshop(sessions)


def refused(workshop: WorkerHarness, position: str = "p1", answered: bool = False) -> EventId:
    """A CLOSE of what was never opened."""
    event = workshop.arrives(signal("SIGNAL_CLOSE", position, strategy_id=f"s-{position}"), answered)
    workshop.run(event)
    assert workshop.event(event).state == "refused"
    return event


def tell(workshop: WorkerHarness, later: timedelta = LATE) -> None:
    with workshop.sessions.begin() as session:
        untold_refusals.alert_untold(session, database_clock(session) + later)


def alerts(workshop: WorkerHarness) -> Sequence[Alert]:
    with workshop.sessions() as session:
        return session.scalars(select(Alert).order_by(Alert.id)).all()


def test_a_refusal_of_which_nobody_noted_an_answer_is_alerted_once(workshop: WorkerHarness) -> None:
    event = refused(workshop)
    tell(workshop, untold_refusals.GRACE - timedelta(seconds=5))
    assert alerts(workshop) == []
    tell(workshop)
    tell(workshop)
    (alert,) = alerts(workshop)
    assert (alert.kind, alert.event_id, alert.account_id) == ("late_failure", event, workshop.account)
    assert alert.detail.startswith("Refused, and it is not known that ProQuant was told")
    assert f"{ErrorType.POSITION_NOT_FOUND}. {workshop.event(event).reason}" in alert.detail
    assert workshop.event(event).refusal_told


def test_a_refusal_that_was_answered_is_not_alerted(workshop: WorkerHarness) -> None:
    event = refused(workshop)
    answer(workshop, event, NOT_FOUND.status)
    assert workshop.event(event).refusal_told
    tell(workshop)
    assert alerts(workshop) == []


def test_a_200_proves_nothing(workshop: WorkerHarness) -> None:
    event = refused(workshop)
    answer(workshop, event, 200)
    tell(workshop)
    assert [alert.event_id for alert in alerts(workshop)] == [event]


def test_an_answer_to_one_event_says_nothing_of_another(workshop: WorkerHarness) -> None:
    first, second = refused(workshop, "p1"), refused(workshop, "p2")
    answer(workshop, first, NOT_FOUND.status)
    tell(workshop)
    assert [alert.event_id for alert in alerts(workshop)] == [second]


def test_a_refused_rest_after_a_200_is_told_as_a_rest_and_as_a_refusal(workshop: WorkerHarness) -> None:
    """The alert of the rest once took the place of the other."""
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN")))
    workshop.broker.script.extend([OrderState.PARTIALLY_FILLED, OrderRejected(None, "no")])
    workshop.run(workshop.arrives(signal("SIGNAL_CLOSE"), answered=True))
    assert sorted(workshop.alerts()) == ["late_failure", "partial_fill"]
    assert [held.quantity for held in workshop.held()] == [5]


def test_what_is_known_to_have_been_answered_200_is_alerted_at_its_end_and_not_again(workshop: WorkerHarness) -> None:
    event = refused(workshop, answered=True)
    assert workshop.event(event).refusal_told
    tell(workshop)
    assert workshop.alerts() == ["late_failure"]


def test_a_flip_that_left_nothing_is_alerted_at_its_end_and_not_again(workshop: WorkerHarness) -> None:
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN")))
    workshop.broker.script.extend([None, OrderRejected(ErrorType.INSUFFICIENT_FUNDS, "no money")])
    flip = workshop.arrives(signal("SIGNAL_REOPEN", "p2"))
    workshop.run(flip)
    assert workshop.event(flip).state == "refused"
    tell(workshop)
    assert workshop.alerts() == ["flat_not_reversed"]


def test_what_was_not_refused_is_not_alerted(workshop: WorkerHarness) -> None:
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN")))
    workshop.run(workshop.arrives(signal("SIGNAL_REOPEN")))
    workshop.arrives(signal("SIGNAL_CLOSE"))
    tell(workshop)
    assert workshop.states()[0] == "done"
    assert alerts(workshop) == []


def test_two_who_sweep_at_once_tell_once(workshop: WorkerHarness) -> None:
    """Each would tell; the second finds the row locked, leaves it, and later finds it told."""
    event = refused(workshop)
    with workshop.sessions.begin() as first, workshop.sessions.begin() as second:
        now = database_clock(first) + LATE
        untold_refusals.alert_untold(first, now)
        untold_refusals.alert_untold(second, now)
    tell(workshop)
    assert [alert.event_id for alert in alerts(workshop)] == [event]


def test_a_note_in_the_same_moment_waits_for_nobody_who_told_already(workshop: WorkerHarness) -> None:
    event = refused(workshop)
    tell(workshop)
    answer(workshop, event, NOT_FOUND.status)
    tell(workshop)
    assert len(alerts(workshop)) == 1


def test_many_are_told_batch_by_batch_and_the_oldest_first(
    workshop: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    events = [refused(workshop, f"p{number}") for number in range(3)]
    monkeypatch.setattr(untold_refusals, "AT_ONCE", 2)
    tell(workshop)
    assert [alert.event_id for alert in alerts(workshop)] == events[:2]
    tell(workshop)
    assert [alert.event_id for alert in alerts(workshop)] == events


def test_taking_an_event_up_makes_no_entry_in_an_index(workshop: WorkerHarness) -> None:
    """The index of untold refusals goes by what changes at the end only."""
    workshop.arrives(signal("SIGNAL_OPEN"))
    with workshop.sessions.begin() as session:
        states.take_next(session, StrategyKey(workshop.strategy().id), database_clock(session))
        counted = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'events'"
        assert tuple(session.execute(text(counted)).one()) == (1, 1)


def test_looking_for_untold_refusals_reads_no_other_event(workshop: WorkerHarness) -> None:
    refused(workshop)
    with workshop.sessions() as session:
        session.execute(text("SET LOCAL enable_seqscan TO off"))
        query = "EXPLAIN SELECT id FROM events WHERE error_type IS NOT NULL AND NOT refusal_told ORDER BY finished_at"
        assert any("ix_events_untold" in line for line in session.scalars(text(query)))


def answer(workshop: WorkerHarness, event: EventId, status: int) -> None:
    """The receiver has answered, and has written that down."""
    answered = AnswerLog(workshop.sessions)
    answered.note(event, accepted() if status == 200 else NOT_FOUND)
    answered.flush()
