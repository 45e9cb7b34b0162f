"""A database that goes away at the worst moment: the receiver answers the truth, and the worker forgets nothing."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Connection, make_url, text
from sqlalchemy import event as sqlalchemy_events
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from receiver import group_commit
from shared.database.engine import Sessions
from shared.domain import EventId, EventType, LifecycleEvent
from shared.inbox.store_batch import SignalDelivery, store_new
from tests.faults.hands import hand, unfinished
from tests.faults.test_checker_passes import delivered
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import signal
from tests.support.judge.observed import PaperBooks
from tests.support.judge.verdict import check

LOST = OperationalError("COMMIT", {}, ConnectionError("the connection was lost in the commit"))
SLOW_COMMIT = """
    CREATE FUNCTION wait_in_commit() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_sleep(30); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER slow_commit AFTER INSERT ON events DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait_in_commit();
"""


def test_a_connection_killed_in_the_commit_is_answered_503_and_the_event_can_come_again(
    sessions: Sessions, database_url: str
) -> None:
    with bridges.running(sessions, database_url) as bridge:
        bridge.open_account()
        event = signal("SIGNAL_OPEN")
        execute(database_url, SLOW_COMMIT)
        with terminating_commits(database_url):
            first = delivered(bridge, event)
        execute(database_url, "DROP TRIGGER slow_commit ON events")
        assert first.answer is not None
        assert (first.answer.status, first.answer.headers["retry-after"]) == (503, "5")
        assert bridge.events() == []
        history = [first, delivered(bridge, event), delivered(bridge, event)]
        assert [exchange.answer and exchange.answer.status for exchange in history] == [503, 200, 200]
        bridge.settled()
        with sessions() as session:
            assert check(session, PaperBooks(session), history) == []


def test_a_shared_commit_whose_answer_was_lost_is_found_and_executed(
    sessions: Sessions, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = threading.Event()

    def store_and_lose_the_answer(link: Connection, batch: Sequence[SignalDelivery]) -> list[EventId | None]:
        stored = store_new(link, batch)  # the statement commits by itself
        if lost.is_set():
            return stored
        lost.set()
        raise LOST

    monkeypatch.setattr(group_commit, "store_new", store_and_lose_the_answer)
    with bridges.running(sessions, database_url) as bridge:
        bridge.open_account()
        exchange = delivered(bridge, signal("SIGNAL_OPEN"))
        assert lost.is_set()
        assert exchange.answer is not None
        assert exchange.answer.status == 200
        bridge.settled()
        assert bridge.trades() == ["BUY 10 p1"]
        with sessions() as session:
            assert check(session, PaperBooks(session), [exchange]) == []


def test_a_commit_of_its_own_whose_answer_was_lost_is_found(sessions: Sessions, database_url: str) -> None:
    with bridges.running(sessions, database_url) as bridge:
        bridge.open_account()
        lost = threading.Event()

        def see_the_insert(session: Session) -> None:
            session.info["stored"] = session.execute(text("SELECT count(*) FROM events")).scalar_one() > 0

        def lose_the_answer(session: Session) -> None:
            if session.info.pop("stored", False) and not lost.is_set():
                lost.set()
                raise LOST

        sqlalchemy_events.listen(sessions, "before_commit", see_the_insert)
        sqlalchemy_events.listen(sessions, "after_commit", lose_the_answer)
        assert bridge.post(LifecycleEvent(EventType.STRATEGY_ENABLED, 1000, "s1", "Gold")).status_code == 200
        assert lost.is_set()
        bridge.settled()
        assert [row.state for row in bridge.events()] == ["done"]


def test_without_a_database_nothing_is_answered_200(
    sessions: Sessions, database_url: str, postgres_server: str
) -> None:
    with bridges.running(sessions, database_url) as bridge:
        bridge.open_account()
        event = signal("SIGNAL_OPEN")
        with away(postgres_server, database_url):
            first = delivered(bridge, event)
        assert first.answer is not None
        assert (first.answer.status, first.answer.headers["retry-after"]) == (503, "5")
        history = [first, delivered(bridge, event)]
        assert history[-1].answer is not None
        assert history[-1].answer.status == 200
        bridge.settled()
        with sessions() as session:
            assert check(session, PaperBooks(session), history) == []


def test_an_acceptance_is_recorded_when_the_database_is_back(
    sessions: Sessions, database_url: str, postgres_server: str
) -> None:
    with bridges.running(sessions, database_url, wait=0, deaf=True, sweep=300) as bridge:
        bridge.open_account(dedupe="none")
        history = [delivered(bridge, signal("SIGNAL_OPEN"))]
        with hand("worker", bridge) as worker:
            back: list[threading.Timer] = []

            def lose_the_database(_: str) -> None:
                outage = away(postgres_server, database_url)
                outage.__enter__()
                back.append(threading.Timer(1.0, outage.__exit__, (None, None, None)))
                back[0].start()

            worker.points.arm(lambda _, name: name == "after submit", lose_the_database)
            worker.run(unfinished(bridge)[0])
            back[0].join()
            assert worker.points.acted
            assert [call.kind for call in worker.calls] == ["submit"]
        assert [row.state for row in bridge.events()] == ["done"]
        assert bridge.trades() == ["BUY 10 p1"]
        with sessions() as session:
            assert check(session, PaperBooks(session), history, calls=worker.calls) == []


@contextmanager
def terminating_commits(database_url: str) -> Iterator[None]:
    """Kills, for as long as it lasts, every connection of the database that is held up by `SLOW_COMMIT`.

    Whatever it commits by: a COMMIT, or a statement that commits by itself. None that is not held up: killed right
    after it had committed, it lay dead in the pool.
    """
    ended = threading.Event()

    def kill() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            while not ended.wait(0.01):
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND wait_event = 'PgSleep'"
                )

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        ended.set()
        killer.join()


@contextmanager
def away(server: str, database_url: str) -> Iterator[None]:
    """The database takes no connections, and has ended those that it had."""
    name = make_url(database_url).database or ""
    execute(server, sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
    end = sql.SQL("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}")
    execute(server, end.format(sql.Literal(name)))
    try:
        yield
    finally:
        execute(server, sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(sql.Identifier(name)))


def execute(url: str, statement: str | sql.Composed) -> None:
    """Runs a statement of the test's own."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
