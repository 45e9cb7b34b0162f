"""What is held can be closed: in which parts, behind what, and never refused by us while it is held."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts.orphan_policy import OrphanEvent
from shared.domain import EXACT, ErrorType, EventState, EventType, Leg, OrderState, RefusedBy
from shared.situation.model import Situation
from tests.support.factories import GOLD, LIMITS, NOW, held, report, situation
from tests.support.planning_dsl import CLOSE, REOPEN, closed, decide, ending
from tests.support.situation_strategies import cases
from workers.decision.closing import MOST_PARTS, closing_quantity
from workers.decision.planning import next_step
from workers.decision.steps import AskMark, BrokerAnswers, Finish, MarkAnswer, Reported, Retry, SubmitNew

sizes = st.decimals(Decimal("0.000001"), Decimal(10**6), places=6)
limits = st.builds(
    lambda minimum, maximum, step: replace(GOLD, minimum=minimum, maximum=maximum, step=step),
    sizes,
    st.none() | sizes,
    sizes,
)


@given(sizes, st.none() | limits)
def test_all_that_is_held_is_closed_in_parts_that_end(quantity: Decimal, instrument: object) -> None:
    left, parts = quantity, 0
    while left > 0 and parts <= MOST_PARTS:
        part = closing_quantity(left, instrument)  # type: ignore[arg-type]  # an instrument or none
        assert 0 < part <= left
        left, parts = EXACT.subtract(left, part), parts + 1
    assert left == 0


@pytest.mark.parametrize(
    ("quantity", "maximum", "step", "part"),
    [
        ("25", "10", "1", "10"),  # the maximum at once
        ("25", "10", "4", "8"),  # in whole steps
        ("0.003", "10", "0.01", "0.003"),  # below the minimum, and between two steps
        ("25", None, "1", "25"),
        ("25", "0.001", "1", "25"),  # no step fits into it
        ("25", "0.2", "0.1", "25"),  # it would take more parts than a market order has
    ],
)
def test_no_more_than_the_maximum_is_closed_at_once(quantity: str, maximum: str | None, step: str, part: str) -> None:
    limited = replace(GOLD, maximum=None if maximum is None else Decimal(maximum), step=Decimal(step))
    assert closing_quantity(Decimal(quantity), limited) == Decimal(part)
    placed = decide(CLOSE, held=held(quantity=Decimal(quantity)), held_instrument=limited)
    assert isinstance(placed, SubmitNew)
    assert placed.quantity == Decimal(part)


def test_a_second_part_is_looked_up_from_after_the_first() -> None:
    first = closed(filled=Decimal(4), quantity=Decimal(4))
    s = situation(CLOSE, orders=(first,), held=held(quantity=Decimal(4)))
    marking, known = replace(LIMITS, marks=True), BrokerAnswers(mark="7", marked=True)
    assert isinstance(next_step(s, known.then(Reported(first, report(first))), NOW, marking), AskMark)
    assert isinstance(next_step(s, known.then(MarkAnswer("9")), NOW, marking), SubmitNew)
    assert isinstance(next_step(s, known.then(Reported(first, report(first))), NOW, LIMITS), SubmitNew)


def test_many_whole_parts_are_no_reason_to_ask_a_person() -> None:
    parts = tuple(closed(generation=number, id=number + 1) for number in range(60))
    step = decide(CLOSE, orders=parts, held=held(quantity=Decimal(3)))
    assert isinstance(step, SubmitNew)
    assert (step.generation, step.quantity) == (60, Decimal(3))


@pytest.mark.parametrize("type_", [CLOSE, OrphanEvent.CLOSE])
def test_a_close_waits_behind_an_event_that_waits_for_a_person(type_: EventType) -> None:
    """An orphan's close that did not ended as done, and what the parked OPEN had opened was held for good."""
    assert isinstance(decide(type_, something_parked=True), Retry)


def test_a_close_that_sold_a_part_before_the_rest_was_gone_is_done() -> None:
    sold = closed(OrderState.PARTIALLY_FILLED, filled=Decimal(4))
    gone = closed(OrderState.REJECTED, generation=1, id=9, error=ErrorType.POSITION_NOT_FOUND)
    assert ending(decide(CLOSE, orders=(sold, gone))) is EventState.DONE
    assert ending(decide(CLOSE, orders=(gone,))) is ErrorType.POSITION_NOT_FOUND


@given(cases((CLOSE, REOPEN)))
def test_what_is_held_is_never_refused_by_us(case: tuple[Situation, BrokerAnswers]) -> None:
    """But for a market that is closed, an approval that has ended, and a CLOSE of something else or of before."""
    s, heard = case
    step = next_step(s, heard, NOW, LIMITS)
    if s.held is None or s.last(Leg.OPEN) or not isinstance(step, Finish) or step.refusal is None:
        return  # a REOPEN whose open leg was begun has closed what it was to close
    later = s.held.as_of < s.task.moment and not (
        s.names_closed and s.held.proquant_position_id != s.task.proquant_position_id
    )
    if step.refusal.by is RefusedBy.BRIDGE and s.approved and (later or s.task.type is REOPEN):
        assert step.refusal.error is ErrorType.MARKET_CLOSED
