"""What a process remembers: never older than it may be, renewed before that, and forgotten when it is told to."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from sqlalchemy.exc import OperationalError

from receiver.refreshing_cache import RENEWED_AT, RefreshAheadCache
from tests.support.eventually import eventually
from tests.support.manual_clock import Ticking
from tests.support.served_requests import serve_all

PATIENCE = 5.0
SECONDS = 10.0
OLD = RENEWED_AT * SECONDS


@dataclass
class Database:
    """Answers with how often it was asked; of `unknown` it knows nothing. `meanwhile`: what happens as it is asked."""

    asked: int = 0
    away: Exception | None = None
    meanwhile: Callable[[], object] = lambda: None
    threads: list[int] = field(default_factory=list)

    def ask(self, key: str) -> int | None:
        self.asked += 1
        answer = self.asked
        self.threads.append(threading.get_ident())
        self.meanwhile()
        if self.away is not None:
            raise self.away
        return None if key == "unknown" else answer


@pytest.fixture
def clock() -> Ticking:
    return Ticking()


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def memory(database: Database, clock: Ticking) -> RefreshAheadCache[str, int]:
    return RefreshAheadCache(database.ask, SECONDS, clock)


def served(memory: RefreshAheadCache[str, int]) -> int | None:
    """What a request that shares its thread is told."""
    return serve_all([lambda: memory.of("a")])[0]


def test_it_is_asked_once_and_again_when_it_is_too_old(
    memory: RefreshAheadCache[str, int], database: Database, clock: Ticking
) -> None:
    assert [memory.of("a"), memory.of("a")] == [1, 1]
    clock.at += SECONDS - 0.01
    assert memory.of("a") == 1
    clock.at += 0.01
    assert memory.of("a") == 2
    assert database.asked == 2


def test_its_age_counts_from_before_it_was_asked(
    memory: RefreshAheadCache[str, int], database: Database, clock: Ticking
) -> None:
    def takes_long() -> None:
        clock.at += SECONDS

    database.meanwhile = takes_long
    assert [memory.of("a"), memory.of("a")] == [1, 2]


def test_nothing_is_remembered_of_what_is_not_there(memory: RefreshAheadCache[str, int], database: Database) -> None:
    assert [memory.of("unknown"), memory.of("unknown")] == [None, None]
    assert database.asked == 2
    assert len(memory) == 0


def test_what_grows_old_is_told_at_once_and_asked_anew_in_a_thread(
    memory: RefreshAheadCache[str, int], database: Database, clock: Ticking
) -> None:
    served(memory)
    clock.at += OLD
    assert served(memory) == 1  # its thread has ended with it
    assert database.threads[-1] != threading.get_ident()
    clock.at += SECONDS - 0.01
    assert memory.of("a") == 2


def test_nobody_waits_for_a_renewal_and_there_is_one_at_a_time(
    memory: RefreshAheadCache[str, int], database: Database, clock: Ticking
) -> None:
    served(memory)
    clock.at += OLD
    may_end = threading.Event()
    database.meanwhile = lambda: may_end.wait(PATIENCE)

    def last() -> int | None:
        told = memory.of("a")
        may_end.set()
        return told

    assert serve_all([lambda: memory.of("a"), lambda: memory.of("a"), last]) == [1, 1, 1]
    assert database.asked == 2


def test_who_has_a_thread_to_itself_renews_nothing(
    memory: RefreshAheadCache[str, int], database: Database, clock: Ticking
) -> None:
    memory.of("a")
    clock.at += OLD
    assert memory.of("a") == 1
    assert database.asked == 1


@pytest.mark.parametrize("error", [OperationalError("SELECT", {}, Exception("refused")), RuntimeError("a fault")])
def test_a_renewal_that_fails_costs_nobody_an_answer_before_it_is_too_old(
    memory: RefreshAheadCache[str, int],
    database: Database,
    clock: Ticking,
    error: Exception,
    capfd: pytest.CaptureFixture[str],
) -> None:
    served(memory)
    clock.at += OLD
    database.away = error
    assert served(memory) == 1
    assert "renew_failed" in "".join(capfd.readouterr())
    assert served(memory) == 1  # and asks once more
    assert database.asked == 3
    clock.at += SECONDS - OLD
    with pytest.raises(type(error)):
        served(memory)
    database.away = None
    assert served(memory) == 5


def test_an_answer_to_what_was_asked_before_it_was_to_be_forgotten_is_not_remembered(
    memory: RefreshAheadCache[str, int], database: Database
) -> None:
    database.meanwhile = memory.forget
    memory.of("a")
    database.meanwhile = lambda: None
    assert memory.of("a") == 2
    memory.forget()
    assert memory.of("a") == 3


def test_of_many_that_come_at_once_one_asks_where_they_are_to_be_alone(database: Database, clock: Ticking) -> None:
    memory: RefreshAheadCache[str, int] = RefreshAheadCache(database.ask, SECONDS, clock, alone=threading.Lock())
    asking, go_on = threading.Event(), threading.Event()

    def waits() -> None:
        asking.set()
        assert go_on.wait(PATIENCE)

    database.meanwhile = waits
    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(memory.of, "a")
        assert asking.wait(PATIENCE)
        others = [threads.submit(memory.of, "a") for _ in range(3)]
        eventually(lambda: _assert_running(others))
        go_on.set()
        assert [each.result(PATIENCE) for each in (first, *others)] == [1, 1, 1, 1]
    assert database.asked == 1


def _assert_running(futures: "Sequence[Future[int | None]]") -> None:
    assert all(future.running() for future in futures)
