"""Concurrent requests share a commit, and nothing else: what is not plainly new is stored by its own request."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Never

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from receiver.group_commit import CONNECTIONS, LOCK_TIMEOUT_MS, MOST_AT_ONCE, MOST_PAUSE_SECONDS, GroupCommit
from shared.database.engine import Sessions, make_engine, make_sessions
from shared.database.tables.alerts import Alert
from shared.database.tables.events import EventRow, Strategy
from shared.domain import AccountId, EventId, SignalEvent
from shared.inbox.store_batch import SignalDelivery, store_new
from tests.support.in_process_bridge import signal
from tests.support.served_requests import serve_all
from tests.support.worker_harness import WorkerHarness, open_workshop


@pytest.fixture
def shop(sessions: Sessions) -> WorkerHarness:
    return open_workshop(sessions)


@pytest.fixture
def rung() -> list[tuple[EventId, ...]]:
    """What the writer rings for, ring by ring."""
    return []


@pytest.fixture
def writer(database_url: str, rung: list[tuple[EventId, ...]]) -> Iterator[GroupCommit]:
    engine = make_engine(database_url, CONNECTIONS, LOCK_TIMEOUT_MS)
    made = GroupCommit(make_sessions(engine), lambda *events: rung.append(events))
    yield made
    made.close()
    engine.dispose()


def delivery(account: AccountId, event: SignalEvent, answered: bool = True) -> SignalDelivery:
    return SignalDelivery(account, "desk", None, "v1", event, "hash", answered)


def rows(shop: WorkerHarness) -> list[EventRow]:
    with shop.sessions() as session:
        return list(session.scalars(select(EventRow).order_by(EventRow.strategy, EventRow.seq)))


def test_a_batch_is_stored_as_one_by_one_would_be(shop: WorkerHarness) -> None:
    alone = shop.arrives(signal("SIGNAL_OPEN", "alone", strategy_id="old"))
    events = [
        signal("SIGNAL_OPEN", "a", strategy_id="new"),
        signal("SIGNAL_OPEN", "b", strategy_id="old"),
        signal("SIGNAL_CLOSE", "a", strategy_id="new"),
    ]
    with shop.sessions.begin() as session:
        stored = store_new(session, [delivery(shop.account, event, answered=False) for event in events])
    found = {row.id: row for row in rows(shop)}
    assert [found[event].seq for event in stored if event is not None] == [1, found[alone].seq + 1, 2]
    for event, row in zip(events, (found[event] for event in stored if event is not None), strict=True):
        told = (row.type, row.proquant_position_id, row.direction, row.ticker, row.quantity, row.timestamp_ms)
        assert told == (
            event.type,
            event.proquant_position_id,
            event.direction,
            event.ticker,
            event.quantity,
            event.timestamp_ms,
        )
        assert (row.state, row.accepted_at, row.version, row.body_hash) == ("received", None, "v1", "hash")
    again = shop.arrives(signal("SIGNAL_OPEN", "c", strategy_id="new"))
    assert {row.id: row for row in rows(shop)}[again].seq == 3


@pytest.mark.parametrize("others", [0, 1])
def test_what_is_said_is_stored_to_the_last_digit_and_letter(shop: WorkerHarness, others: int) -> None:
    quantity, name = Decimal("1234567890.123456789012"), 'Größe "½" \\ 漢字 🐎'
    event = replace(signal("SIGNAL_OPEN", "a"), quantity=quantity, strategy_name=name)
    with_it = [signal("SIGNAL_OPEN", "b", strategy_id="other")] * others
    with shop.sessions.begin() as session:
        store_new(session, [delivery(shop.account, each) for each in [event, *with_it]])
        of_strategy = select(Strategy.name).where(Strategy.strategy_id == event.strategy_id)
        assert session.scalars(of_strategy).all() == [name]
    assert quantity in [row.quantity for row in rows(shop)]


@pytest.mark.parametrize("answered", [True, False])
def test_one_that_comes_alone_is_stored_as_two_would_be(shop: WorkerHarness, answered: bool) -> None:
    def but_for_itself(row: EventRow) -> dict[str, object]:
        own = {"id", "seq", "key", "content_hash", "proquant_position_id", "timestamp_ms", "received_at", "accepted_at"}
        names = {column.name for column in EventRow.__table__.columns} - own
        return {name: getattr(row, name) for name in names}

    with shop.sessions.begin() as session:
        for positions in (["a"], ["b", "c"], ["d"]):
            each = [delivery(shop.account, signal("SIGNAL_OPEN", position), answered) for position in positions]
            assert None not in store_new(session, each)
    first, second, third, fourth = rows(shop)
    assert [row.seq for row in (first, second, third, fourth)] == [1, 2, 3, 4]
    assert but_for_itself(first) == but_for_itself(second) == but_for_itself(third) == but_for_itself(fourth)
    assert len({row.key for row in (first, second, third, fourth)}) == 4
    assert [row.accepted_at == row.received_at for row in (first, second)] == [answered] * 2


def test_two_that_store_the_same_strategies_do_not_wait_for_each_other_in_a_circle(shop: WorkerHarness) -> None:
    names = [f"s{number}" for number in range(40)]

    def store(turn: int) -> int:
        order = names if turn % 2 else names[::-1]
        each = [delivery(shop.account, signal("SIGNAL_OPEN", f"{turn}-{name}", strategy_id=name)) for name in order]
        with shop.sessions.begin() as session:
            return len(set(store_new(session, each)) - {None})

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(store, range(24))) == [len(names)] * 24


def test_who_was_answered_is_noted(shop: WorkerHarness) -> None:
    with shop.sessions.begin() as session:
        store_new(session, [delivery(shop.account, signal("SIGNAL_OPEN", "a"))])
    (row,) = rows(shop)
    assert row.accepted_at is not None


def test_what_is_known_is_left_to_its_request(shop: WorkerHarness) -> None:
    first = signal("SIGNAL_OPEN", "a")
    known = shop.arrives(first)
    with shop.sessions.begin() as session:
        twice = [delivery(shop.account, signal("SIGNAL_OPEN", "b"))] * 2
        stored = store_new(session, [delivery(shop.account, first), *twice])
    assert stored[0] is None
    assert [event is None for event in stored[1:]] == [False, True]
    assert [row.id for row in rows(shop)].count(known) == 1
    assert len(rows(shop)) == 2


def test_requests_that_are_served_share_few_commits_and_keep_their_order(
    shop: WorkerHarness, writer: GroupCommit
) -> None:
    events = [signal("SIGNAL_OPEN", f"p{number}", strategy_id=f"s{number % 7}") for number in range(200)]
    stored = serve_all([partial(writer.store, delivery(shop.account, event)) for event in events])
    assert len(set(stored)) == 200
    assert None not in stored
    found = rows(shop)
    assert {row.id for row in found} == set(stored)
    for strategy in {row.strategy for row in found}:
        mine = [row.seq for row in found if row.strategy == strategy]
        assert mine == list(range(1, len(mine) + 1))
    positions = {row.id: row.proquant_position_id for row in found}
    assert [positions[event] for event in stored if event is not None] == [f"p{number}" for number in range(200)]
    assert commits(shop) == -(-200 // MOST_AT_ONCE)


def test_threads_of_their_own_store_one_after_another(shop: WorkerHarness, writer: GroupCommit) -> None:
    events = [signal("SIGNAL_OPEN", f"p{number}", strategy_id=f"s{number % 7}") for number in range(50)]
    with ThreadPoolExecutor(8) as threads:
        stored = list(threads.map(lambda event: writer.store(delivery(shop.account, event)), events))
    assert len(set(stored) - {None}) == 50
    assert commits(shop) == 50


def commits(shop: WorkerHarness) -> int:
    with shop.sessions() as session:
        return int(session.scalar(text("SELECT count(DISTINCT xmin::text) FROM events")) or 0)


def test_a_strategy_that_is_held_up_does_not_hold_up_the_others(shop: WorkerHarness, writer: GroupCommit) -> None:
    shop.arrives(signal("SIGNAL_OPEN", "first", strategy_id="held"))
    blocked, free = (delivery(shop.account, signal("SIGNAL_OPEN", name, strategy_id=name)) for name in ("held", "x"))
    with shop.sessions.begin() as session:
        session.execute(update(Strategy).values(name="held"))
        assert serve_all([partial(writer.store, each) for each in (blocked, free)]) == [None, None]
        assert writer.store(free) is None, "and the next ones wait for nobody"
    assert len(rows(shop)) == 1


@pytest.mark.parametrize(("took", "pause"), [(0.01, 1.0), (0.5, 5.0), (60.0, 30.0)])
def test_after_a_failure_it_leaves_all_to_the_requests_ten_times_as_long_as_that_took(
    shop: WorkerHarness, database_url: str, took: float, pause: float
) -> None:
    now = [100.0]
    engine = make_engine(database_url, CONNECTIONS, LOCK_TIMEOUT_MS)

    def fails_after_a_while() -> Never:
        now[0] += took
        raise OperationalError("", None, Exception())

    writer = GroupCommit(make_sessions(engine), lambda *_: None, lambda: now[0])
    working, writer._statements.begin = writer._statements.begin, fails_after_a_while  # type: ignore[method-assign]
    assert writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "a"))) is None
    writer._statements.begin = working  # type: ignore[method-assign]
    now[0] += pause - 0.001
    assert writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "b"))) is None
    now[0] += 0.002
    assert writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "c"))) is not None
    writer.close()
    engine.dispose()


def test_a_database_that_fails_leaves_it_to_the_requests(shop: WorkerHarness, database_url: str) -> None:
    now = [100.0]
    engine = make_engine(database_url, CONNECTIONS, LOCK_TIMEOUT_MS)
    writer = GroupCommit(make_sessions(engine), lambda *_: None, lambda: now[0])
    with shop.sessions.begin() as session:
        session.execute(text("ALTER TABLE events RENAME TO elsewhere"))
    each = [delivery(shop.account, signal("SIGNAL_OPEN", name)) for name in ("a", "b")]
    assert serve_all([partial(writer.store, one) for one in each]) == [None, None]
    with shop.sessions.begin() as session:
        session.execute(text("ALTER TABLE elsewhere RENAME TO events"))
    now[0] += MOST_PAUSE_SECONDS
    stored = serve_all([partial(writer.store, one) for one in each])
    assert {row.id for row in rows(shop)} == set(stored)
    with shop.sessions() as session:
        assert session.scalars(select(Alert)).all() == []
    writer.close()
    engine.dispose()


def test_a_row_is_committed_before_anybody_is_told(shop: WorkerHarness, writer: GroupCommit) -> None:
    seen = threading.Event()
    stored = writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "a")))
    with shop.sessions() as session:
        if session.get(EventRow, stored) is not None:
            seen.set()
    assert seen.is_set()


def test_it_rings_once_for_a_batch_after_its_commit_and_before_anybody_is_told(
    shop: WorkerHarness, writer: GroupCommit
) -> None:
    seen: list[tuple[set[EventId], int]] = []
    told: list[EventId | None] = []

    def ring(*events: EventId) -> None:
        seen.append((set(events) - {EventId(row.id) for row in rows(shop)}, len(told)))

    writer._ring = ring
    each = [delivery(shop.account, signal("SIGNAL_OPEN", name, strategy_id=name)) for name in ("a", "b", "c")]
    serve_all([lambda one=one: told.append(writer.store(one)) for one in each])  # type: ignore[misc]
    assert len(set(told)) == len(each)
    assert seen == [(set(), 0)]


def test_each_that_is_stored_has_a_line_and_what_was_known_has_none(shop: WorkerHarness, writer: GroupCommit) -> None:
    known = signal("SIGNAL_OPEN", "known")
    shop.arrives(known)
    with capture_logs() as lines:
        writer.store(delivery(shop.account, known))
        stored = writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "a")))
    assert [(line["action"], line["event_id"], line["type"], line["account"]) for line in lines] == [
        ("stored", stored, "SIGNAL_OPEN", "desk")
    ]


def test_for_a_request_that_waits_it_does_not_ring(
    shop: WorkerHarness, writer: GroupCommit, rung: list[tuple[EventId, ...]]
) -> None:
    writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "waits"), answered=False))
    answered = writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "answered")))
    assert rung == [(answered,)]


def test_for_what_was_known_it_does_not_ring(
    shop: WorkerHarness, writer: GroupCommit, rung: list[tuple[EventId, ...]]
) -> None:
    first = signal("SIGNAL_OPEN", "a")
    shop.arrives(first)
    assert writer.store(delivery(shop.account, first)) is None
    assert rung == []


def test_a_bell_that_breaks_costs_nobody_an_answer(shop: WorkerHarness, writer: GroupCommit) -> None:
    def broken(*_: EventId) -> None:
        raise RuntimeError("broken")

    writer._ring = broken
    for position in ("a", "b"):
        assert writer.store(delivery(shop.account, signal("SIGNAL_OPEN", position))) is not None


def test_who_is_served_is_stored_in_the_thread_of_the_loop(shop: WorkerHarness, writer: GroupCommit) -> None:
    at_work: list[threading.Thread] = []
    writer._ring = lambda *_: at_work.append(threading.current_thread())
    serve_all([partial(writer.store, delivery(shop.account, signal("SIGNAL_OPEN", "a")))])
    assert at_work == [threading.current_thread()]
