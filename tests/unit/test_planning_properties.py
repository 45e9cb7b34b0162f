"""The rules that planning keeps in every situation there can be."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings

from shared.domain import ORDER_FINAL, EventState, EventType, Leg, OrderState
from shared.situation.model import Order, Situation
from tests.support.factories import LIMITS, NOW, held, order, situation
from tests.support.situation_strategies import CLOSE, OPEN, REOPEN, cases
from workers.decision.lookup_patience import LOOKUPS_BEFORE_PARKING, UNASKED_SECONDS_BEFORE_PARKING, conclusive_from
from workers.decision.open_checks import denial_of, is_expired
from workers.decision.planning import CLOSES_BEFORE_PARKING, next_step
from workers.decision.steps import BrokerAnswers, Finish, LookupNotMade, Park, Resubmit, Step, SubmitNew

thoroughly = settings(max_examples=400)


def decide(case: tuple[Situation, BrokerAnswers]) -> tuple[Situation, Step]:
    s, heard = case
    return s, next_step(s, heard, NOW, LIMITS)


def unsettled(s: Situation) -> list[Order]:
    return [each for each in s.orders if each.state not in ORDER_FINAL]


def is_past_asking(each: Order, unasked: bool) -> bool:
    """Whether a person may be asked about the order: the look-ups, or the time for those not made, are used up."""
    if each.state in ORDER_FINAL:
        return False
    since = conclusive_from(each, LIMITS)
    if unasked:
        return since + timedelta(seconds=UNASKED_SECONDS_BEFORE_PARKING) <= NOW
    return each.lookups >= LOOKUPS_BEFORE_PARKING and since <= NOW


def opens(s: Situation, step: Step) -> bool:
    """Whether the step lets an order that opens go out."""
    match step:
        case SubmitNew(leg=leg):
            return leg is Leg.OPEN
        case Resubmit(order=again):
            return again.leg is Leg.OPEN
    return False


@given(cases((*EventType, None)))
def test_every_situation_has_a_step(case: tuple[Situation, BrokerAnswers]) -> None:
    _, step = decide(case)
    assert isinstance(step, Step)


@thoroughly
@given(cases((OPEN, REOPEN)))
def test_nothing_is_opened_while_something_is_held(case: tuple[Situation, BrokerAnswers]) -> None:
    s, step = decide(case)
    assert not opens(s, step) or s.held is None


@given(cases())
def test_no_new_order_is_placed_while_one_is_unsettled(case: tuple[Situation, BrokerAnswers]) -> None:
    s, step = decide(case)
    assert not isinstance(step, SubmitNew) or unsettled(s) == []


@thoroughly
@given(cases())
def test_only_an_order_that_is_proven_not_to_be_at_the_broker_is_sent_again(
    case: tuple[Situation, BrokerAnswers],
) -> None:
    _, step = decide(case)
    assert not isinstance(step, Resubmit) or step.order.state is OrderState.PLANNED


@thoroughly
@given(cases())
def test_an_event_with_an_order_that_may_be_at_the_broker_is_not_ended(case: tuple[Situation, BrokerAnswers]) -> None:
    s, step = decide(case)
    assert not isinstance(step, Finish) or all(each.state is OrderState.PLANNED for each in unsettled(s))


@thoroughly
@given(cases((OPEN, REOPEN)))
def test_nothing_is_opened_that_is_denied(case: tuple[Situation, BrokerAnswers]) -> None:
    s, step = decide(case)
    assert not opens(s, step) or denial_of(s, NOW, LIMITS) is None


@thoroughly
@given(cases((OPEN, REOPEN)))
def test_nothing_is_opened_that_a_later_event_has_ended(case: tuple[Situation, BrokerAnswers]) -> None:
    s, step = decide(case)
    assert not opens(s, step) or not s.superseded


@given(cases((OPEN, REOPEN)))
def test_an_expired_signal_opens_nothing(case: tuple[Situation, BrokerAnswers]) -> None:
    s, step = decide(case)
    assert not opens(s, step) or not is_expired(s, NOW, LIMITS)


@thoroughly
@given(cases((CLOSE,)))
def test_a_close_never_expires(case: tuple[Situation, BrokerAnswers]) -> None:
    s, heard = case
    assert next_step(s, heard, NOW, LIMITS) == next_step(s, heard, NOW, replace(LIMITS, open_max_age=10**8))


@thoroughly
@given(cases((CLOSE, REOPEN)))
def test_a_close_leg_closes_exactly_what_is_held(case: tuple[Situation, BrokerAnswers]) -> None:
    s, step = decide(case)
    if isinstance(step, SubmitNew) and step.leg is Leg.CLOSE:
        assert s.held is not None
        assert (step.quantity, step.side) == (s.held.quantity, s.held.direction.opposite)
        assert (step.symbol, step.position_id) == (s.held.symbol, s.held.id)


@thoroughly
@given(cases((CLOSE, REOPEN)))
def test_a_close_leg_is_not_sent_again_for_more_than_is_held(case: tuple[Situation, BrokerAnswers]) -> None:
    s, step = decide(case)
    if isinstance(step, Resubmit) and step.order.leg is Leg.CLOSE:
        assert s.held is not None
        assert step.order.quantity <= s.held.quantity


@given(cases((OPEN, REOPEN)))
def test_an_open_leg_opens_what_was_asked_for_times_the_multiplier(case: tuple[Situation, BrokerAnswers]) -> None:
    s, step = decide(case)
    if isinstance(step, SubmitNew) and step.leg is Leg.OPEN:
        assert (step.quantity, step.side) == (s.task.quantity * s.multiplier, s.task.direction)
        assert step.position_id is None


@thoroughly
@given(cases((REOPEN,)))
def test_the_open_leg_of_a_reopen_waits_until_its_close_leg_is_final_and_flat(
    case: tuple[Situation, BrokerAnswers],
) -> None:
    s, step = decide(case)
    if opens(s, step):
        assert s.held is None
        assert all(each.state in ORDER_FINAL for each in s.orders if each.leg is Leg.CLOSE)


@given(cases())
def test_a_generation_is_never_used_twice(case: tuple[Situation, BrokerAnswers]) -> None:
    s, step = decide(case)
    if isinstance(step, SubmitNew):
        assert (step.leg, step.generation) not in {(each.leg, each.generation) for each in s.orders}


@given(cases((*EventType, None)))
def test_a_refusal_has_a_reason_and_nothing_else_has_one(case: tuple[Situation, BrokerAnswers]) -> None:
    _, step = decide(case)
    if isinstance(step, Finish):
        assert (step.state is EventState.REFUSED) == (step.refusal is not None)
        assert (step.state is EventState.SKIPPED) == (step.skip is not None)


@given(cases())
def test_a_person_is_asked_only_after_the_limits(case: tuple[Situation, BrokerAnswers]) -> None:
    s, step = decide(case)
    if isinstance(step, Park):
        unasked = isinstance(case[1].last, LookupNotMade)
        assert any(is_past_asking(each, unasked) or each.generation + 1 >= CLOSES_BEFORE_PARKING for each in s.orders)


@given(cases())
def test_nobody_is_asked_again_for_ever(case: tuple[Situation, BrokerAnswers]) -> None:
    s, heard = case
    later = next_step(s, heard, NOW + timedelta(days=1), LIMITS)
    if isinstance(heard.last, LookupNotMade):
        assert isinstance(later, Park)


@given(cases())
def test_no_order_is_placed_in_a_market_that_is_known_to_be_closed(case: tuple[Situation, BrokerAnswers]) -> None:
    s, heard = case
    step = next_step(s, heard, NOW, LIMITS)
    if isinstance(step, SubmitNew):
        instrument = s.instrument if step.leg is Leg.OPEN else s.held_instrument
        by_hours = instrument.hours.is_open(NOW) if instrument is not None and instrument.hours is not None else None
        assert by_hours if by_hours is not None else heard.markets[step.symbol]


@pytest.mark.parametrize("type_", [*EventType, None])
@pytest.mark.parametrize("leg", Leg)
@pytest.mark.parametrize("state", OrderState)
@pytest.mark.parametrize("holding", [held(), None], ids=["held", "flat"])
def test_every_state_of_an_order_has_a_step(
    type_: EventType | None, leg: Leg, state: OrderState, holding: object
) -> None:
    s = situation(type_, orders=(order(leg, state),), held=holding)
    assert isinstance(next_step(s, BrokerAnswers(), NOW, LIMITS), Step)
