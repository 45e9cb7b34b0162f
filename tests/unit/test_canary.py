"""When a canary is sent, and when silence means that workers do not hear the queue."""

from datetime import timedelta

import pytest

from shared.queue.canary import LIFE, Canary, after, deaf_since
from tests.support.factories import NOW
from workers.sweep.queue_activity import QueueActivity

NONE = Canary(None, None)


def ago(seconds: float) -> Canary:
    """One canary, sent so long ago."""
    return Canary(NOW - timedelta(seconds=seconds), NOW - timedelta(seconds=seconds))


def test_the_first_canary_is_sent_at_once() -> None:
    assert after(NONE, None, NOW) == Canary(NOW, NOW)


def test_no_second_one_follows_while_the_first_may_be_heard() -> None:
    assert after(ago(59), None, NOW) is None


def test_another_follows_when_the_first_has_left_the_queue_and_the_silence_counts_on() -> None:
    assert after(ago(60), None, NOW) == Canary(NOW, NOW - LIFE)


def test_another_follows_when_the_first_was_heard() -> None:
    assert after(ago(5), NOW - timedelta(seconds=5), NOW) == Canary(NOW, NOW)


@pytest.mark.parametrize("consumed", [0, 1.9])
def test_no_second_one_joins_a_queue_of_which_tasks_are_consumed(consumed: float) -> None:
    assert after(ago(59), NOW - timedelta(seconds=consumed), NOW) is None
    assert after(ago(60), NOW - timedelta(seconds=consumed), NOW) == Canary(NOW, NOW)


def test_another_follows_as_soon_as_nothing_is_consumed_any_more() -> None:
    assert after(ago(59), NOW - timedelta(seconds=2), NOW) == Canary(NOW, NOW)


def test_what_was_consumed_before_the_canary_was_sent_does_not_answer_it() -> None:
    assert after(ago(5), NOW - timedelta(seconds=6), NOW) is None


@pytest.mark.parametrize(("seconds", "is_deaf"), [(25, False), (25.1, True), (3600, True)])
def test_three_sweeps_and_ten_seconds_of_silence_are_deafness(seconds: float, is_deaf: bool) -> None:
    since = deaf_since(ago(seconds), None, NOW, sweep_interval=5)
    assert since == (NOW - timedelta(seconds=seconds) if is_deaf else None)


def test_a_canary_that_was_heard_or_never_sent_is_no_silence() -> None:
    assert deaf_since(ago(100), NOW - timedelta(seconds=100), NOW, 5) is None
    assert deaf_since(NONE, None, NOW, 5) is None


def test_a_worker_says_how_long_ago_a_task_last_began_or_ended() -> None:
    time = [100.0]
    hearing = QueueActivity(slots=2, monotonic=lambda: time[0])
    assert hearing.seconds_ago() is None
    with hearing.task():
        time[0] += 3
        assert hearing.seconds_ago() == 3
    time[0] += 4
    assert hearing.seconds_ago() == 4


def test_a_worker_that_is_full_is_not_deaf() -> None:
    time = [100.0]
    hearing = QueueActivity(slots=2, monotonic=lambda: time[0])
    with hearing.task(), hearing.task():
        time[0] += 300
        assert hearing.seconds_ago() == 0
    assert hearing.seconds_ago() == 0
    time[0] += 1
    assert hearing.seconds_ago() == 1
