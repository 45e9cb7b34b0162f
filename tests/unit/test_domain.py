"""The closed sets and the state graphs: complete, and each state reachable and left only where that is meant."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts.instrument import TradingHours, check_quantity, sentence_about
from shared.database.tables.events import UNFINISHED_STATES
from shared.domain import (
    EVENT_TRANSITIONS,
    EXACT,
    FINISHED,
    ORDER_FINAL,
    ORDER_TRANSITIONS,
    Direction,
    ErrorType,
    EventState,
    GenericError,
    OrderState,
    error_named,
)
from tests.support.factories import ALWAYS, GOLD, NEVER

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)


def test_every_state_is_in_its_graph_and_can_be_reached() -> None:
    assert set(EVENT_TRANSITIONS) == set(EventState)
    assert set(ORDER_TRANSITIONS) == set(OrderState)
    assert frozenset[EventState]().union(*EVENT_TRANSITIONS.values()) == set(EventState)
    assert frozenset[OrderState]().union(*ORDER_TRANSITIONS.values()) == set(OrderState)


def test_final_states_and_only_they_lead_nowhere() -> None:
    assert {state for state, after in EVENT_TRANSITIONS.items() if not after} == FINISHED
    assert {state for state, after in ORDER_TRANSITIONS.items() if not after} == ORDER_FINAL
    assert set(re.findall(r"'(\w+)'", UNFINISHED_STATES)) == set(EventState) - FINISHED  # what the table checks


def test_an_order_that_may_be_at_the_broker_is_planned_again_only_from_an_unsettled_state() -> None:
    before = {state for state, after in ORDER_TRANSITIONS.items() if OrderState.PLANNED in after}
    assert before == {OrderState.SUBMITTING, OrderState.UNKNOWN}


def test_a_parked_event_goes_on_only_through_a_person() -> None:
    assert EVENT_TRANSITIONS[EventState.PARKED] == {EventState.RECEIVED}


@pytest.mark.parametrize("word", [*ErrorType, *GenericError])
def test_every_error_is_found_by_its_word(word: str) -> None:
    assert error_named(str(word)) is word


def test_a_word_of_no_closed_set_is_an_error() -> None:
    with pytest.raises(ValueError, match="Nonsense"):
        error_named("Nonsense")


def test_no_word_is_in_both_sets_of_errors() -> None:
    assert not {str(word) for word in ErrorType} & {str(word) for word in GenericError}


def test_each_direction_is_the_opposite_of_its_opposite() -> None:
    assert all(each.opposite is not each and each.opposite.opposite is each for each in Direction)


@pytest.mark.parametrize(
    ("quantity", "error"),
    [
        ("1", None),
        ("1000", None),
        ("1000.0", None),
        ("0.9", ErrorType.QUANTITY_TOO_LOW),
        ("1000.1", ErrorType.QUANTITY_TOO_HIGH),
        ("1.05", ErrorType.INVALID_QUANTITY_PRECISION),
        ("0.05", ErrorType.INVALID_QUANTITY_PRECISION),
        ("1e30", ErrorType.QUANTITY_TOO_HIGH),
        ("0.000000000000000000000000000000000001", ErrorType.INVALID_QUANTITY_PRECISION),
    ],
)
def test_what_is_wrong_with_a_quantity(quantity: str, error: ErrorType | None) -> None:
    assert check_quantity(GOLD, Decimal(quantity)) is error


@given(st.integers(1, 10**40))
def test_every_whole_number_of_steps_has_a_legal_precision(steps: int) -> None:
    quantity = EXACT.multiply(Decimal(steps), GOLD.step)
    assert check_quantity(GOLD, quantity) is not ErrorType.INVALID_QUANTITY_PRECISION


def test_what_a_quantity_should_have_been_is_said_in_plain_numbers() -> None:
    assert "1E+" not in sentence_about(GOLD, Decimal("1E+3"))


@pytest.mark.parametrize(
    ("after", "is_open"),
    [
        (timedelta(hours=9), True),
        (timedelta(hours=9) - timedelta(microseconds=1), False),
        (timedelta(hours=17), False),
        (timedelta(hours=17) - timedelta(microseconds=1), True),
        (timedelta(days=6, hours=22), True),
        (timedelta(days=7, minutes=59), True),  # the session of Sunday night runs into Monday
        (timedelta(minutes=59), True),
        (timedelta(hours=1), False),
    ],
)
def test_trading_hours_begin_on_the_minute_and_end_before_it(after: timedelta, is_open: bool) -> None:
    hours = TradingHours(((9 * 60, 17 * 60), (6 * 1440 + 22 * 60, 7 * 1440 + 60)))
    assert hours.is_open(MONDAY + after) is is_open


def test_hours_that_name_the_whole_week_never_close_and_none_never_open() -> None:
    times = [MONDAY + timedelta(minutes=minute) for minute in range(0, 10080, 7)]
    assert all(ALWAYS.is_open(each) for each in times)
    assert not any(NEVER.is_open(each) for each in times)
