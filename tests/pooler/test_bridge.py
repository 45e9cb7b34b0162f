"""Signals of many strategies at once through a pooler with few servers, and what happens when it is full or away."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import Engine, make_url
from sqlalchemy import event as sqlalchemy_events

from shared.database.engine import Sessions
from shared.domain import Direction, SignalEvent
from tests.faults.hands import hand, unfinished
from tests.faults.test_checker_passes import delivered
from tests.pooler.conftest import SERVERS
from tests.pooler.pgbouncer import Pooler
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge, signal
from tests.support.judge.observed import Exchange, PaperBooks
from tests.support.judge.verdict import check

THREADS = 16
STRATEGIES = 48
RICH = "1000000000"


def test_many_strategies_at_once_are_executed_once_and_in_order(
    pooled: Sessions, pooled_url: str, sessions: Sessions, database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with bridges.running(pooled, pooled_url, wait=10.0, slots=THREADS) as bridge:
        bridge.open_account(balance=RICH)
        with ThreadPoolExecutor(THREADS) as senders, most_servers(database_url) as most:
            stories = senders.map(lambda number: story(bridge, f"s{number}"), range(STRATEGIES))
            history = [exchange for told in stories for exchange in told]
        bridge.settled()
    assert 1 < most[0] <= SERVERS
    assert [exchange.answer and exchange.answer.status for exchange in history] == [200] * len(history)
    well(sessions, history, orders=STRATEGIES * 4)
    said = capfd.readouterr().err
    assert "prepared statement" not in said
    assert "failed" not in said


def test_a_pool_that_is_full_is_a_database_that_is_away(pooled: Sessions, pooled_url: str, sessions: Sessions) -> None:
    event = signal("SIGNAL_OPEN")
    with bridges.running(pooled, pooled_url) as bridge:
        bridge.open_account()
        with every_server_taken(pooled_url):
            history = [delivered(bridge, event)]
        history.append(delivered(bridge, event))
        bridge.settled()
    assert statuses(history) == [(503, "5"), (200, None)]
    well(sessions, history, orders=1)


def test_a_pooler_that_is_away_is_a_database_that_is_away(
    pooled: Sessions, pooled_url: str, pooler: Pooler, sessions: Sessions
) -> None:
    event = signal("SIGNAL_OPEN")
    with bridges.running(pooled, pooled_url) as bridge:
        bridge.open_account()
        pooler.stop()
        history = [delivered(bridge, event)]
        pooler.start()
        history.append(delivered(bridge, event))
        bridge.settled()
    assert statuses(history) == [(503, "5"), (200, None)]
    well(sessions, history, orders=1)


def test_an_acceptance_is_recorded_when_the_pooler_is_back(
    pooled: Sessions, pooled_url: str, pooler: Pooler, sessions: Sessions
) -> None:
    with bridges.running(pooled, pooled_url, wait=0, deaf=True, sweep=300) as bridge:
        bridge.open_account(dedupe="none")
        history = [delivered(bridge, signal("SIGNAL_OPEN"))]
        with hand("worker", bridge) as worker, ThreadPoolExecutor(1) as thread, errors_of_sql() as missed:
            worker.points.arm(lambda _, name: name == "after submit", lambda _: pooler.stop())
            working = thread.submit(worker.run, unfinished(bridge)[0])
            assert missed.wait(30), "the worker has not asked for the database"
            pooler.start()
            working.result()
        assert [call.kind for call in worker.calls] == ["submit"]
    well(sessions, history, orders=1)


def story(bridge: Bridge, strategy: str) -> list[Exchange]:
    """One strategy opens, flips and closes; each of its events comes twice."""
    own = replace(bridge, client=bridge.client.application.test_client())
    return [delivered(own, event) for event in signals(strategy) for _ in range(2)]


def signals(strategy: str) -> Iterator[SignalEvent]:
    first, second = f"{strategy}-1", f"{strategy}-2"
    yield signal("SIGNAL_OPEN", first, strategy_id=strategy)
    yield signal("SIGNAL_REOPEN", second, strategy_id=strategy, direction=Direction.SELL)
    yield signal("SIGNAL_CLOSE", second, strategy_id=strategy, direction=Direction.SELL)


def statuses(history: list[Exchange]) -> list[tuple[int, str | None]]:
    """The answers, and after how many seconds the sender shall come again."""
    answers = [exchange.answer for exchange in history]
    return [(answer.status, answer.headers.get("retry-after")) for answer in answers if answer is not None]


def well(sessions: Sessions, history: list[Exchange], orders: int) -> None:
    """Nothing is wrong, and that many orders have reached the broker. Looks past the pooler."""
    with sessions() as session:
        books = PaperBooks(session)
        assert check(session, books, history) == []
        assert len(books.accepted(history[0].account)) == orders


@contextmanager
def most_servers(database_url: str) -> Iterator[list[int]]:
    """The largest number of servers that were at work for others at once, in the end."""
    most, ended = [0], threading.Event()

    def look() -> None:
        with psycopg.connect(database_url, autocommit=True) as own:
            while not ended.wait(0.02):
                row = own.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND backend_type = 'client backend' AND client_port = -1"
                    " AND pid <> pg_backend_pid()"
                ).fetchone()
                assert row is not None
                most[0] = max(most[0], row[0])

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield most
    finally:
        ended.set()
        looking.join()


@contextmanager
def errors_of_sql() -> Iterator[threading.Event]:
    """Is set when anybody's database has failed."""
    failed = threading.Event()

    def note(_: object) -> None:
        failed.set()

    sqlalchemy_events.listen(Engine, "handle_error", note)
    try:
        yield failed
    finally:
        sqlalchemy_events.remove(Engine, "handle_error", note)


@contextmanager
def every_server_taken(pooled_url: str) -> Iterator[None]:
    """Strangers hold every server that the pooler may lend."""
    with ExitStack() as held:
        for _ in range(SERVERS):
            stranger = held.enter_context(psycopg.connect(make_url(pooled_url).render_as_string(hide_password=False)))
            stranger.execute("SELECT 1")  # begins a transaction, and with it takes a server
        yield
