"""Waiting for an outcome: announced before, during or never; in bounded numbers and for a bounded time."""

import threading
import time
from collections.abc import Callable

import fakeredis
import pytest

from receiver import outcome_waiter as module
from receiver.outcome_waiter import REMEMBERED, OutcomeWaiter
from shared.domain import EventId

ONE, OTHER = EventId(1), EventId(2)


def make(places: int = 4, monotonic: Callable[[], float] = time.monotonic) -> OutcomeWaiter:
    """It does not listen: what is announced is announced by the test."""
    return OutcomeWaiter(fakeredis.FakeRedis(), places, monotonic)


def looks(waiting: OutcomeWaiter, announced: threading.Event | None, seconds: float) -> int:
    """How often a request that waits would look at the row."""
    assert announced is not None
    return sum(1 for _ in waiting.until(announced, seconds))


def test_an_outcome_that_is_announced_while_one_waits_is_looked_at_at_once() -> None:
    waiting = make()
    with waiting.place(ONE) as announced:
        threading.Timer(0.05, waiting.announce, [ONE]).start()
        began = time.monotonic()
        assert looks(waiting, announced, 10) == 1
        assert time.monotonic() - began < 0.9


def test_an_outcome_that_was_announced_before_is_not_missed() -> None:
    waiting = make()
    waiting.announce(ONE)
    with waiting.place(ONE) as announced:
        assert announced is not None
        assert announced.is_set()


def test_the_announcement_of_another_event_wakes_nobody() -> None:
    waiting = make()
    with waiting.place(ONE) as announced:
        waiting.announce(OTHER)
        assert announced is not None
        assert not announced.is_set()


def test_a_lost_announcement_costs_no_more_than_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.02)
    waiting = make()
    with waiting.place(ONE) as announced:
        assert looks(waiting, announced, 0.1) >= 4


def test_the_row_is_looked_at_when_the_time_is_over() -> None:
    waiting = make()
    with waiting.place(ONE) as announced:
        assert looks(waiting, announced, 0.05) == 1


def test_a_request_that_may_not_wait_does_not_look() -> None:
    waiting = make()
    with waiting.place(ONE) as announced:
        assert looks(waiting, announced, 0) == 0


def test_two_requests_for_one_event_are_both_woken() -> None:
    waiting = make()
    with waiting.place(ONE) as first, waiting.place(ONE) as second:
        waiting.announce(ONE)
        assert first is not None
        assert second is not None
        assert first.is_set()
        assert second.is_set()


def test_one_of_two_leaving_does_not_make_the_other_deaf() -> None:
    waiting = make()
    with waiting.place(ONE) as stays:
        with waiting.place(ONE):
            pass
        waiting.announce(ONE)
        assert stays is not None
        assert stays.is_set()


def test_places_are_bounded_and_given_back() -> None:
    waiting = make(places=2)
    with waiting.place(ONE) as first, waiting.place(OTHER) as second:
        assert first is not None
        assert second is not None
        with waiting.place(EventId(3)) as third:
            assert third is None
    with waiting.place(EventId(3)) as third:
        assert third is not None


def test_a_place_is_given_back_also_by_a_request_that_fails() -> None:
    waiting = make(places=1)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            fail_at(waiting)


def fail_at(waiting: OutcomeWaiter) -> None:
    with waiting.place(ONE) as announced:
        assert announced is not None
        raise RuntimeError("The request failed.")


def test_old_announcements_are_forgotten_and_nothing_piles_up() -> None:
    waiting = make()
    for number in range(REMEMBERED + 1):
        waiting.announce(EventId(number))
    with waiting.place(EventId(0)) as forgotten, waiting.place(EventId(REMEMBERED)) as remembered:
        assert forgotten is not None
        assert remembered is not None
        assert (forgotten.is_set(), remembered.is_set()) == (False, True)
    assert len(waiting._announced) == REMEMBERED
    assert waiting._waiters == {}
