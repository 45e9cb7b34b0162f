"""What ProQuant was answered is written down after it was answered, and nothing of that is waited for."""

import time
from datetime import timedelta
from decimal import Decimal

import pytest
import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from receiver import answer_log as module
from receiver.answer_log import AnswerLog
from shared.database.clock import database_clock
from shared.database.engine import Sessions, make_engine, make_sessions
from shared.database.tables.events import AnswerRow
from shared.domain import ErrorType, EventId
from shared.proquant.answers import accepted, reply_for
from tests.support.eventually import eventually
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import open_workshop

REFUSED = reply_for(ErrorType.MARKET_CLOSED)


class Clock:
    """A monotonic clock that the test puts forward."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def event(sessions: Sessions) -> EventId:
    return open_workshop(sessions).arrives(signal("SIGNAL_OPEN", quantity=Decimal(1)))


def rows(sessions: Sessions) -> list[AnswerRow]:
    with sessions() as session:
        return list(session.scalars(select(AnswerRow).order_by(AnswerRow.first_at)))


def test_each_answer_that_differs_is_kept_with_its_times(sessions: Sessions, event: EventId) -> None:
    clock = Clock()
    answered = AnswerLog(sessions, clock)
    answered.note(event, accepted())
    clock.now += 60
    answered.note(event, REFUSED)
    clock.now += 60
    answered.note(event, REFUSED)
    answered.flush()
    first, second = rows(sessions)
    assert (first.status, first.body, first.times) == (200, "", 1)
    assert (second.status, second.body, second.times) == (409, REFUSED.body.decode(), 2)
    assert second.last_at - second.first_at == timedelta(seconds=60)
    assert second.first_at - first.first_at == timedelta(seconds=60)
    with sessions() as session:
        assert abs(database_clock(session) - second.last_at) < timedelta(seconds=10)


def test_two_processes_write_of_one_event(sessions: Sessions, event: EventId) -> None:
    for _ in range(2):
        answered = AnswerLog(sessions)
        answered.note(event, accepted())
        answered.flush()
    (row,) = rows(sessions)
    assert row.times == 2
    assert row.first_at < row.last_at


def test_what_could_not_be_written_is_remembered(sessions: Sessions, event: EventId) -> None:
    away = make_engine("postgresql://nobody@127.0.0.1:1/none")
    answered = AnswerLog(make_sessions(away))
    answered.note(event, accepted())
    with pytest.raises(SQLAlchemyError):
        answered.flush()
    away.dispose()
    answered.note(event, accepted())
    answered._sessions = sessions
    answered.flush()
    assert [row.times for row in rows(sessions)] == [2]


def test_what_is_remembered_is_bounded(sessions: Sessions, event: EventId, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REMEMBERED", 1)
    answered = AnswerLog(sessions)
    for reply in (accepted(), REFUSED, accepted()):
        answered.note(event, reply)
    answered.flush()
    assert [(row.status, row.times) for row in rows(sessions)] == [(200, 2)]


def test_a_stop_writes_the_last_answers_down(sessions: Sessions, event: EventId) -> None:
    answered = AnswerLog(sessions)
    answered.note(event, accepted())
    answered.stop()
    assert [row.status for row in rows(sessions)] == [200]


def test_a_stop_does_not_wait_for_a_database_that_does_not_answer(sessions: Sessions, event: EventId) -> None:
    answered = AnswerLog(sessions)
    answered.note(event, accepted())
    with sessions.begin() as session:
        session.execute(text("LOCK TABLE answers"))
        began = time.monotonic()
        answered.stop(0.1)
        assert time.monotonic() - began < 2

    def written() -> None:
        assert [row.status for row in rows(sessions)] == [200]

    eventually(written)


def test_a_stop_says_what_it_could_not_write(sessions: Sessions, event: EventId) -> None:
    away = make_engine("postgresql://nobody@127.0.0.1:1/none")
    answered = AnswerLog(make_sessions(away))
    answered.note(event, accepted())
    with structlog.testing.capture_logs() as logged:
        answered.stop()
    away.dispose()
    assert [entry["action"] for entry in logged] == ["answers_failed"]


def test_an_event_that_was_deleted_since_does_not_keep_the_others_from_being_written(
    sessions: Sessions, event: EventId
) -> None:
    answered = AnswerLog(sessions)
    answered.note(EventId(event + 1), accepted())
    answered.note(event, accepted())
    answered.flush()
    assert [row.event_id for row in rows(sessions)] == [event]
