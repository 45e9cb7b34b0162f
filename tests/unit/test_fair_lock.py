"""One thread at a time, in the order in which they came, and nobody for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.eventually import eventually
from workers.brokers.base import BrokerUnavailable
from workers.brokers.ccxt.fair_lock import FairLock

PATIENT, IMPATIENT = 30.0, 0.05


def wait_in_line(turns: FairLock, number: int, came: list[int], threads: ThreadPoolExecutor) -> None:
    """Lets a thread take its turn, and returns when it stands in the line."""

    def take() -> None:
        with turns.taken():
            came.append(number)

    before = len(turns._line)
    threads.submit(take)

    def stands() -> None:
        assert len(turns._line) > before

    eventually(stands)


def test_turns_come_in_the_order_in_which_they_were_asked_for() -> None:
    turns, came = FairLock(PATIENT), list[int]()
    with ThreadPoolExecutor(8) as threads, turns.taken():
        for number in range(8):
            wait_in_line(turns, number, came, threads)
        assert came == []
    assert came == list(range(8))


def test_who_comes_again_at_once_stands_behind_who_waits() -> None:
    turns, came = FairLock(PATIENT), list[int]()
    with ThreadPoolExecutor(1) as threads:
        with turns.taken():
            wait_in_line(turns, 1, came, threads)
        with turns.taken():
            came.append(2)
    assert came == [1, 2]


def test_who_has_the_turn_may_take_it_again_and_keeps_it() -> None:
    turns = FairLock(IMPATIENT)
    with turns.taken():
        with turns.taken():
            pass
        with ThreadPoolExecutor(1) as threads, pytest.raises(BrokerUnavailable, match="nothing was sent"):
            threads.submit(lambda: turns.taken().__enter__()).result()


def test_who_gave_up_is_not_waited_for() -> None:
    turns, done = FairLock(IMPATIENT), threading.Event()
    with turns.taken(), ThreadPoolExecutor(1) as threads, pytest.raises(BrokerUnavailable):
        threads.submit(lambda: turns.taken().__enter__()).result()
    with turns.taken():
        done.set()
    assert done.is_set()


def test_a_turn_that_ends_with_an_error_is_passed_on() -> None:
    turns = FairLock(IMPATIENT)
    with pytest.raises(KeyError), turns.taken():
        raise KeyError
    with ThreadPoolExecutor(1) as threads:
        threads.submit(lambda: turns.taken().__enter__()).result()
