"""Why an open leg is not sent: the order of the answers, the age of signals, exact quantities."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import ErrorType, EventType, GenericError
from tests.support.factories import LIMITS, NOW, NOW_MS, situation, task
from workers.decision.open_checks import denial_of, is_expired, open_quantity

OPEN = EventType.SIGNAL_OPEN
HINDRANCES: list[tuple[dict[str, object], object]] = [
    ({"approved": False}, ErrorType.INVALID_CREDENTIALS),
    ({"paused": True}, GenericError.ACCOUNT_PAUSED),
    ({"enabled": False}, GenericError.STRATEGY_DISABLED),
    ({"task": task(OPEN, moment=(NOW_MS - 301_000, 1), quantity=Decimal("0.01"))}, GenericError.EXPIRED),
    ({"instrument": None}, ErrorType.UNSUPPORTED_INSTRUMENT),
]


def error_of(**so: object) -> object:
    denial = denial_of(situation(OPEN, **so), NOW, LIMITS)
    return None if denial is None else denial.error


@pytest.mark.parametrize("first", range(len(HINDRANCES)))
def test_the_earlier_check_gives_the_answer(first: int) -> None:
    so: dict[str, object] = {}
    for hindrance, _ in HINDRANCES[first:]:
        so |= hindrance
    assert error_of(**so) is HINDRANCES[first][1]


def test_nothing_in_the_way_is_no_denial() -> None:
    assert error_of() is None


def test_an_integration_that_has_ended_opens_nothing_also_for_earlier_signals() -> None:
    assert error_of(approved=True, ended=True) is ErrorType.INVALID_CREDENTIALS


def test_precision_is_looked_at_before_minimum_and_maximum() -> None:
    assert error_of(task=task(OPEN, quantity=Decimal("0.01"))) is ErrorType.INVALID_QUANTITY_PRECISION
    assert error_of(task=task(OPEN, quantity=Decimal("2000.01"))) is ErrorType.INVALID_QUANTITY_PRECISION


@pytest.mark.parametrize(
    ("quantity", "multiplier", "error"),
    [
        ("10", "0.01", ErrorType.QUANTITY_TOO_LOW),
        ("0.5", "2", None),
        ("600", "2", ErrorType.QUANTITY_TOO_HIGH),
        ("1", "1.05", ErrorType.INVALID_QUANTITY_PRECISION),
        ("1", "1", None),
        ("1000", "1", None),
    ],
)
def test_what_is_checked_is_what_would_be_sent(quantity: str, multiplier: str, error: object) -> None:
    assert error_of(task=task(OPEN, quantity=Decimal(quantity)), multiplier=Decimal(multiplier)) is error


@pytest.mark.parametrize(
    ("sent_ago", "received_ago", "expired"),
    [
        (timedelta(seconds=300), timedelta(0), False),
        (timedelta(seconds=301), timedelta(0), True),
        (timedelta(seconds=301), timedelta(seconds=301), True),
        (timedelta(days=364), timedelta(0), True),
        (timedelta(days=366), timedelta(0), False),  # no time that a delivery can have taken: our receipt counts
        (timedelta(days=366), timedelta(seconds=301), True),
        (timedelta(seconds=-3000), timedelta(0), False),  # a clock that is ahead of ours
    ],
)
def test_age_counts_from_the_timestamp_where_that_is_plausible(
    sent_ago: timedelta, received_ago: timedelta, expired: bool
) -> None:
    moment = (NOW_MS - int(sent_ago.total_seconds() * 1000), 1)
    s = situation(OPEN, task=task(OPEN, moment=moment, received_at=NOW - received_ago))
    assert is_expired(s, NOW, LIMITS) is expired


def test_seconds_in_place_of_milliseconds_do_not_expire_a_signal() -> None:
    s = situation(OPEN, task=task(OPEN, moment=(NOW_MS // 1000, 1)))
    assert not is_expired(s, NOW, LIMITS)


@given(
    st.decimals("0.00000001", "1e12", places=12).filter(lambda d: d > 0),
    st.decimals("0.00000001", "1e6", places=12).filter(lambda d: d > 0),
)
def test_the_quantity_is_multiplied_without_rounding(quantity: Decimal, multiplier: Decimal) -> None:
    s = situation(OPEN, task=task(OPEN, quantity=quantity), multiplier=multiplier)
    numerator, denominator = quantity.as_integer_ratio()
    by, per = multiplier.as_integer_ratio()
    exact_numerator, exact_denominator = open_quantity(s).as_integer_ratio()
    assert exact_numerator * denominator * per == numerator * by * exact_denominator


def test_a_denial_never_says_what_the_limits_of_another_account_are() -> None:
    denial = denial_of(situation(OPEN, instrument=None), NOW, replace(LIMITS, open_max_age=10))
    assert denial is not None
    assert denial.detail == "XAUUSD cannot be traded on this account."
