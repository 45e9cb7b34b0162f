"""Concurrent requests share a commit, and nothing else: what is not plainly new is stored by its own request."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import select, text, update
from structlog.testing import capture_logs

from receiver import writing
from receiver.writing import CONNECTIONS, LOCK_TIMEOUT_MS, Writer
from shared.db import Sessions, make_engine, make_sessions
from shared.domain import AccountId, EventId, SignalEvent
from shared.inbox_batch import Delivery, store_new
from shared.tables import Alert, EventRow, Strategy
from tests.bridge import signal
from tests.eventually import eventually
from tests.workshop import Workshop, open_workshop


@pytest.fixture
def shop(sessions: Sessions) -> Workshop:
    return open_workshop(sessions)


@pytest.fixture
def rung() -> list[tuple[EventId, ...]]:
    """What the writer rings for, ring by ring."""
    return []


@pytest.fixture
def writer(database_url: str, rung: list[tuple[EventId, ...]]) -> Iterator[Writer]:
    engine = make_engine(database_url, CONNECTIONS, LOCK_TIMEOUT_MS)
    made = Writer(make_sessions(engine), lambda *events: rung.append(events))
    made.start()
    yield made
    made.close()
    engine.dispose()


def delivery(account: AccountId, event: SignalEvent, answered: bool = True) -> Delivery:
    return Delivery(account, "desk", None, "v1", event, "hash", answered)


def rows(shop: Workshop) -> list[EventRow]:
    with shop.sessions() as session:
        return list(session.scalars(select(EventRow).order_by(EventRow.strategy, EventRow.seq)))


def test_a_batch_is_stored_as_one_by_one_would_be(shop: Workshop) -> None:
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
def test_what_is_said_is_stored_to_the_last_digit_and_letter(shop: Workshop, others: int) -> None:
    quantity, name = Decimal("1234567890.123456789012"), 'Größe "½" \\ 漢字 🐎'
    event = replace(signal("SIGNAL_OPEN", "a"), quantity=quantity, strategy_name=name)
    with_it = [signal("SIGNAL_OPEN", "b", strategy_id="other")] * others
    with shop.sessions.begin() as session:
        store_new(session, [delivery(shop.account, each) for each in [event, *with_it]])
        of_strategy = select(Strategy.name).where(Strategy.strategy_id == event.strategy_id)
        assert session.scalars(of_strategy).all() == [name]
    assert quantity in [row.quantity for row in rows(shop)]


@pytest.mark.parametrize("answered", [True, False])
def test_one_that_comes_alone_is_stored_as_two_would_be(shop: Workshop, answered: bool) -> None:
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


def test_two_that_store_the_same_strategies_do_not_wait_for_each_other_in_a_circle(shop: Workshop) -> None:
    names = [f"s{number}" for number in range(40)]

    def store(turn: int) -> int:
        order = names if turn % 2 else names[::-1]
        each = [delivery(shop.account, signal("SIGNAL_OPEN", f"{turn}-{name}", strategy_id=name)) for name in order]
        with shop.sessions.begin() as session:
            return len(set(store_new(session, each)) - {None})

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(store, range(24))) == [len(names)] * 24


def test_who_was_answered_is_noted(shop: Workshop) -> None:
    with shop.sessions.begin() as session:
        store_new(session, [delivery(shop.account, signal("SIGNAL_OPEN", "a"))])
    (row,) = rows(shop)
    assert row.accepted_at is not None


def test_what_is_known_is_left_to_its_request(shop: Workshop) -> None:
    first = signal("SIGNAL_OPEN", "a")
    known = shop.arrives(first)
    with shop.sessions.begin() as session:
        twice = [delivery(shop.account, signal("SIGNAL_OPEN", "b"))] * 2
        stored = store_new(session, [delivery(shop.account, first), *twice])
    assert stored[0] is None
    assert [event is None for event in stored[1:]] == [False, True]
    assert [row.id for row in rows(shop)].count(known) == 1
    assert len(rows(shop)) == 2


def test_many_threads_share_few_commits_and_keep_their_order(shop: Workshop, writer: Writer) -> None:
    events = [signal("SIGNAL_OPEN", f"p{number}", strategy_id=f"s{number % 7}") for number in range(200)]
    with ThreadPoolExecutor(32) as threads:
        stored = list(threads.map(lambda event: writer.store(delivery(shop.account, event)), events))
    assert len(set(stored)) == 200
    assert None not in stored
    found = rows(shop)
    assert {row.id for row in found} == set(stored)
    for strategy in {row.strategy for row in found}:
        mine = [row.seq for row in found if row.strategy == strategy]
        assert mine == list(range(1, len(mine) + 1))
    with shop.sessions() as session:
        commits = session.scalar(text("SELECT count(DISTINCT xmin::text) FROM events"))
    assert commits is not None
    assert 0 < commits < 150


def test_a_strategy_that_is_held_up_does_not_hold_up_the_others(shop: Workshop, writer: Writer) -> None:
    shop.arrives(signal("SIGNAL_OPEN", "first", strategy_id="held"))
    with shop.sessions.begin() as session:
        session.execute(update(Strategy).values(name="held"))
        blocked, free = (
            delivery(shop.account, signal("SIGNAL_OPEN", name, strategy_id=name)) for name in ("held", "x")
        )
        with ThreadPoolExecutor(2) as threads:
            answers = [threads.submit(writer.store, each) for each in (blocked, free)]
            told = [answer.result(3) for answer in answers]
    assert told[0] is None
    assert told[1] is None or isinstance(told[1], int)


def test_a_database_that_fails_leaves_it_to_the_requests(shop: Workshop, writer: Writer) -> None:
    with shop.sessions.begin() as session:
        session.execute(text("ALTER TABLE events RENAME TO elsewhere"))
    assert writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "a"))) is None
    with shop.sessions.begin() as session:
        session.execute(text("ALTER TABLE elsewhere RENAME TO events"))
    stored = writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "a")))
    assert isinstance(stored, int)
    with shop.sessions() as session:
        assert session.get(EventRow, EventId(stored)) is not None
        assert session.scalars(select(Alert)).all() == []


def test_a_row_is_committed_before_anybody_is_told(shop: Workshop, writer: Writer) -> None:
    seen = threading.Event()
    stored = writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "a")))
    with shop.sessions() as session:
        if session.get(EventRow, stored) is not None:
            seen.set()
    assert seen.is_set()


def test_it_rings_once_for_a_batch_after_its_commit_and_before_anybody_is_told(
    shop: Workshop, database_url: str
) -> None:
    seen: list[tuple[set[EventId], int]] = []
    engine = make_engine(database_url, CONNECTIONS, LOCK_TIMEOUT_MS)

    def ring(*events: EventId) -> None:
        seen.append((set(events) - {EventId(row.id) for row in rows(shop)}, len(told)))

    writer = Writer(make_sessions(engine), ring)
    told: list[EventId | None] = []
    each = [delivery(shop.account, signal("SIGNAL_OPEN", name, strategy_id=name)) for name in ("a", "b", "c")]
    threads = [threading.Thread(target=lambda one=one: told.append(writer.store(one))) for one in each]
    with writer._storing:  # a commit is under way
        for thread in threads:
            thread.start()
        eventually(lambda: _assert_handed_in(writer, len(each)))
    writer.start()
    for thread in threads:
        thread.join(5)
    writer.close()
    engine.dispose()
    assert len(set(told)) == len(each)
    assert seen == [(set(), 0)]


def test_each_that_is_stored_has_a_line_and_what_was_known_has_none(shop: Workshop, writer: Writer) -> None:
    known = signal("SIGNAL_OPEN", "known")
    shop.arrives(known)
    with capture_logs() as lines:
        writer.store(delivery(shop.account, known))
        stored = writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "a")))
    assert [(line["action"], line["event_id"], line["type"], line["account"]) for line in lines] == [
        ("stored", stored, "SIGNAL_OPEN", "desk")
    ]


def test_for_a_request_that_waits_it_does_not_ring(
    shop: Workshop, writer: Writer, rung: list[tuple[EventId, ...]]
) -> None:
    writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "waits"), answered=False))
    answered = writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "answered")))
    assert rung == [(answered,)]


def test_for_what_was_known_it_does_not_ring(shop: Workshop, writer: Writer, rung: list[tuple[EventId, ...]]) -> None:
    first = signal("SIGNAL_OPEN", "a")
    shop.arrives(first)
    assert writer.store(delivery(shop.account, first)) is None
    assert rung == []


def test_a_bell_that_breaks_costs_nobody_an_answer(shop: Workshop, writer: Writer) -> None:
    def broken(*_: EventId) -> None:
        raise RuntimeError("broken")

    writer._ring = broken
    for position in ("a", "b"):
        assert writer.store(delivery(shop.account, signal("SIGNAL_OPEN", position))) is not None


def test_who_comes_while_no_commit_is_under_way_stores_in_its_own_thread(
    shop: Workshop, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_work: list[str] = []
    waits, is_told_within = threading.Event(), writing._Waiting.is_told_within

    def noted(waiting: writing._Waiting, seconds: float) -> bool:
        waits.set()
        return is_told_within(waiting, seconds)

    monkeypatch.setattr(writing._Waiting, "is_told_within", noted)
    writer._ring = lambda *_: at_work.append(threading.current_thread().name)
    assert writer.store(delivery(shop.account, signal("SIGNAL_OPEN", "a"))) is not None
    with ThreadPoolExecutor(1, thread_name_prefix="other") as threads:
        with writer._storing:
            later = threads.submit(writer.store, delivery(shop.account, signal("SIGNAL_OPEN", "b")))
            assert waits.wait(5)
        assert later.result(5) is not None
    assert at_work == [threading.current_thread().name, "writer"]


def _assert_handed_in(writer: Writer, size: int) -> None:
    assert writer._handed_in.qsize() == size
