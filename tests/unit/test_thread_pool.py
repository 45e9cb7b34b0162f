"""The worker's pool: the task of an idle thread has begun when it is handed over; others wait, as in Celery."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import suppress
from queue import SimpleQueue
from typing import Any

import pytest

from tests.support.eventually import eventually
from workers.runtime.thread_pool import BEGIN_SECONDS, PromptPool

PATIENCE = 5.0


class Task:
    """A task that goes on when it is told to, and notes who accepted it, and whether it had begun then."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go_on = threading.Event()
        self.accepted: list[tuple[int, bool]] = []
        self.came_of_it: SimpleQueue[object] = SimpleQueue()

    def run(self, number: int) -> int:
        self.begun.set()
        assert self.go_on.wait(PATIENCE)
        return number

    def accept(self, pid: int, at: float) -> None:
        assert pid > 0
        assert at > 0
        self.accepted.append((threading.get_ident(), self.begun.is_set()))

    def hand_over(self, pool: PromptPool, number: int = 1) -> Any:
        return pool.on_apply(self.run, (number,), {}, callback=self.came_of_it.put, accept_callback=self.accept)


@pytest.fixture
def pool() -> Iterator[PromptPool]:
    made = PromptPool(2)
    yield made
    made.on_stop()


@pytest.fixture
def tasks() -> Iterator[list[Task]]:
    made = [Task() for _ in range(4)]
    yield made
    for task in made:
        task.go_on.set()


def us() -> int:
    return threading.get_ident()


def test_an_idle_threads_task_is_accepted_here_before_it_begins(pool: PromptPool, tasks: list[Task]) -> None:
    first, second, *_ = tasks
    first.hand_over(pool)
    second.hand_over(pool)
    assert first.accepted == second.accepted == [(us(), False)]
    assert second.begun.wait(PATIENCE)
    first.go_on.set()
    assert first.came_of_it.get(timeout=PATIENCE) == 1


def test_a_task_without_an_idle_thread_is_accepted_by_the_thread_that_takes_it(
    pool: PromptPool, tasks: list[Task]
) -> None:
    first, second, third, _ = tasks
    for task in (first, second, third):
        task.hand_over(pool)
    assert not third.accepted
    assert not third.begun.is_set()
    first.go_on.set()
    assert third.begun.wait(PATIENCE)
    ((who, had_begun),) = third.accepted
    assert who != us()
    assert not had_begun


def test_a_thread_that_has_ended_its_task_is_idle_again(pool: PromptPool, tasks: list[Task]) -> None:
    first, second, third, _ = tasks
    for task in (first, second):
        task.hand_over(pool)
        task.go_on.set()
        task.came_of_it.get(timeout=PATIENCE)

    def assert_idle() -> None:
        assert pool._handed_over == 0  # the count goes back just after the callback

    eventually(assert_idle)
    third.hand_over(pool)
    assert third.accepted == [(us(), False)]


@pytest.mark.parametrize("error", [RuntimeError("broken"), SystemExit(1)])
def test_a_task_that_raises_leaves_its_thread_to_others(
    pool: PromptPool, tasks: list[Task], error: BaseException
) -> None:
    def fail() -> None:
        raise error

    for _ in range(3):
        result = pool.on_apply(fail, (), {}, callback=lambda _: None)
        with suppress(RuntimeError):
            result.get(timeout=PATIENCE)

    def assert_idle() -> None:
        assert pool._handed_over == 0

    eventually(assert_idle)
    tasks[0].hand_over(pool)
    assert tasks[0].accepted == [(us(), False)]


def test_an_acceptance_that_raises_is_told_and_the_task_runs_all_the_same(
    pool: PromptPool, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: object) -> None:
        raise NotImplementedError

    done: SimpleQueue[object] = SimpleQueue()
    pool.on_apply(lambda: 7, (), {}, callback=done.put, accept_callback=refuse)
    assert done.get(timeout=PATIENCE) == 7
    assert "accept_failed" in "".join(capfd.readouterr())


def test_a_pool_that_has_stopped_takes_nothing(tasks: list[Task]) -> None:
    pool = PromptPool(1)
    pool.on_stop()
    with pytest.raises(RuntimeError):
        tasks[0].hand_over(pool)
    assert pool._handed_over == 0


@pytest.mark.parametrize(("delay", "waits"), [(BEGIN_SECONDS / 4, BEGIN_SECONDS / 4), (PATIENCE, BEGIN_SECONDS)])
def test_it_waits_until_the_task_has_begun_but_not_for_ever(pool: PromptPool, delay: float, waits: float) -> None:
    slow = SlowExecutor(delay)
    pool.executor = slow
    began = time.monotonic()
    pool.on_apply(lambda: None, (), {}, callback=lambda _: None)
    assert waits <= time.monotonic() - began < PATIENCE
    slow.shutdown()


class SlowExecutor(Executor):
    """Whose thread begins late."""

    def __init__(self, delay: float) -> None:
        self._delay = delay
        self._timers: list[threading.Timer] = []

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **_: Any) -> "Future[Any]":
        self._timers.append(threading.Timer(self._delay, work, arguments))
        self._timers[-1].start()
        return Future()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        for timer in self._timers:
            timer.cancel()
            timer.join()
