"""When something is tried again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW
from workers.execution.retry import CAP_SECONDS, FIRST_SECONDS, LONGEST_NAMED_SECONDS, next_attempt

attempts = st.integers(-3, 10**9)
jitters = st.floats(0, 1, exclude_max=True)


def wait(attempt: int, retry_after: float | None, jitter: float) -> float:
    return (next_attempt(NOW, attempt, retry_after, jitter) - NOW).total_seconds()


@given(attempts, jitters)
def test_a_wait_is_never_too_short_and_never_longer_than_the_cap(attempt: int, jitter: float) -> None:
    assert FIRST_SECONDS / 2 <= wait(attempt, None, jitter) <= CAP_SECONDS


@given(attempts, jitters)
def test_a_later_attempt_waits_no_shorter(attempt: int, jitter: float) -> None:
    assert wait(attempt, None, jitter) <= wait(attempt + 1, None, jitter)


@given(attempts, st.floats(0, LONGEST_NAMED_SECONDS), jitters)
def test_the_broker_is_not_asked_before_the_time_that_it_named(attempt: int, named: float, jitter: float) -> None:
    assert next_attempt(NOW, attempt, named, jitter) >= NOW + timedelta(seconds=named)


@given(attempts, st.floats(LONGEST_NAMED_SECONDS, 10**9), jitters)
def test_a_wait_that_nobody_would_live_to_see_ends_after_ten_minutes(attempt: int, named: float, jitter: float) -> None:
    assert wait(attempt, named, jitter) == LONGEST_NAMED_SECONDS


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 0.5), (2, 1), (3, 2), (6, 16), (7, 30), (8, 30), (10**9, 30)])
def test_waits_double_up_to_the_cap(attempt: int, seconds: float) -> None:
    assert wait(attempt, None, 0.0) == seconds


def test_jitter_spreads_over_half_to_whole() -> None:
    assert [wait(3, None, jitter) for jitter in (0.0, 0.5, 0.999999)] == pytest.approx([2.0, 3.0, 4.0], abs=1e-4)
