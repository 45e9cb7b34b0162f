"""Lanes: never more transactions at once than there are lanes, and more lanes only where commits wait long."""

import threading
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import pytest

from tests.support.eventually import eventually
from workers.runtime.transaction_slots import LEAST, LOOKED_AT_EVERY, MOST, REMEMBERED, TransactionSlots, slots_for

PATIENCE = 5.0


@dataclass
class Clocks:
    """The time, and how much of it a thread has computed; in seconds."""

    at: float = 0.0
    used: float = 0.0

    def now(self) -> float:
        return self.at

    def computed(self) -> float:
        return self.used

    def passes(self, lanes: TransactionSlots, computes: float, waits: float, times: int = REMEMBERED) -> None:
        """So many transactions, one after the other."""
        for _ in range(times):
            with lanes.slot() as committing:
                self.used += computes
                self.at += computes
                committing()
                self.at += waits


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def lanes(clocks: Clocks) -> TransactionSlots:
    return TransactionSlots(monotonic=clocks.now, computed=clocks.computed)


@pytest.mark.parametrize(
    ("computes", "waits", "expected"),
    [
        (0.45, 0.35, LEAST),  # a server beside us
        (0.45, 0.87, LEAST + 1),  # the same, measured while eight were in each other's way
        (0.5, 3.2, LEAST + 4),  # a disk that takes three milliseconds
        (2.0, 1.6, LEAST),  # a machine that is four times as slow, with a server beside us
        (0.5, 100.0, MOST),
        (0.0, 1.0, LEAST),  # a clock too coarse to say
    ],
)
def test_there_are_as_many_as_the_commits_leave_room_for(computes: float, waits: float, expected: int) -> None:
    assert slots_for(deque([(computes, waits)] * REMEMBERED), LEAST, MOST) == expected


def test_a_few_that_were_slow_or_quick_change_nothing() -> None:
    usual, slow, quick = (0.5, 0.3), (0.5, 50.0), (0.5, 0.0)
    assert slots_for(deque([usual] * 20 + [slow] * 40), LEAST, MOST) == LEAST
    assert slots_for(deque([slow] * 54 + [quick] * 10), LEAST, MOST) == MOST


def test_more_are_open_when_commits_become_slow_and_fewer_when_they_are_quick_again(
    clocks: Clocks, lanes: TransactionSlots
) -> None:
    assert lanes.open == LEAST
    clocks.passes(lanes, computes=0.5, waits=5.0)
    assert lanes.open == MOST
    clocks.passes(lanes, computes=0.5, waits=0.1)
    assert lanes.open == LEAST


def test_one_block_that_raises_or_says_nothing_of_a_commit_is_no_measure(
    clocks: Clocks, lanes: TransactionSlots
) -> None:
    for _ in range(LOOKED_AT_EVERY):
        with lanes.slot():
            clocks.at += 5.0
        with suppress(RuntimeError), lanes.slot() as committing:
            clocks.used += 0.5
            committing()
            clocks.at += 5.0
            raise RuntimeError
    assert lanes.open == LEAST
    with ExitStack() as all_of_them:  # and each has given its lane back
        for _ in range(LEAST):
            all_of_them.enter_context(lanes.slot())


def test_who_finds_no_lane_waits_until_one_is_given_back(lanes: TransactionSlots) -> None:
    inside = threading.Semaphore(0)
    leave = threading.Semaphore(0)
    at_once, most_at_once, counting = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal at_once, most_at_once
        with lanes.slot():
            with counting:
                at_once += 1
                most_at_once = max(most_at_once, at_once)
            inside.release()
            assert leave.acquire(timeout=PATIENCE)
            with counting:
                at_once -= 1

    threads = [threading.Thread(target=work) for _ in range(3 * LEAST)]
    for thread in threads:
        thread.start()
    for _ in range(LEAST):
        assert inside.acquire(timeout=PATIENCE)
    assert not inside.acquire(timeout=0.05)
    for _ in range(2 * LEAST):
        leave.release()
        assert inside.acquire(timeout=PATIENCE)
    for _ in range(LEAST):
        leave.release()
    for thread in threads:
        thread.join(PATIENCE)
    assert most_at_once == LEAST


def test_a_lane_that_opens_lets_in_who_already_waits(clocks: Clocks, lanes: TransactionSlots) -> None:
    """Else they would wait although there is room, until the next one leaves."""
    inside, leave = threading.Semaphore(0), threading.Event()

    def work() -> None:
        with lanes.slot():
            inside.release()
            assert leave.wait(PATIENCE)

    def assert_waiting() -> None:
        assert len(lanes._changed._waiters) == 4  # type: ignore[attr-defined]

    clocks.passes(lanes, computes=0.5, waits=5.0, times=LOOKED_AT_EVERY - 1)
    threads = [threading.Thread(target=work) for _ in range(LEAST - 1 + 4)]
    with lanes.slot() as committing:
        for thread in threads:
            thread.start()
        for _ in range(LEAST - 1):
            assert inside.acquire(timeout=PATIENCE)
        eventually(assert_waiting)
        clocks.used += 0.5
        committing()
        clocks.at += 5.0
    for _ in range(4):
        assert inside.acquire(timeout=PATIENCE)
    leave.set()
    for thread in threads:
        thread.join(PATIENCE)
