"""What is decided about orders that were sent, or could not be: look up, send again, close the rest, ask a person."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain import (
    AlertKind,
    ErrorType,
    EventState,
    EventType,
    GenericError,
    Leg,
    OrderId,
    OrderState,
    Refusal,
    RefusedBy,
)
from tests.support.factories import GOLD, LIMITS, NOW, held, order, report, situation
from tests.support.planning_dsl import BUY_TEN, CLOSE, OPEN, REOPEN, SELL_SEVEN, closed, decide, ending, opened
from workers.decision.lookup_patience import LOOKUPS_BEFORE_PARKING, UNASKED_SECONDS_BEFORE_PARKING, conclusive_from
from workers.decision.planning import ABSENCES_BEFORE_PARKING, CLOSES_BEFORE_PARKING, next_step
from workers.decision.steps import (
    AskMark,
    AskMarket,
    BrokerAnswers,
    Finish,
    LookUp,
    LookupInconclusive,
    LookupNotMade,
    MarkAnswer,
    MarketAnswer,
    NotSent,
    Park,
    Reported,
    Resubmit,
    Retry,
    Step,
    SubmitNew,
    SubmitUnknown,
    Unreachable,
    Withdraw,
    WriteOff,
)


@pytest.mark.parametrize("state", [OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.ACCEPTED])
@pytest.mark.parametrize("leg", Leg)
def test_an_order_that_may_be_at_the_broker_is_looked_up_first(state: OrderState, leg: Leg) -> None:
    pending = order(leg, state)
    assert decide(REOPEN, orders=(pending,), held=held(), approved=False) == LookUp(pending)


@pytest.mark.parametrize("leg", Leg)
def test_an_order_that_is_not_at_the_broker_is_sent_again(leg: Leg) -> None:
    unsent = order(leg, OrderState.PLANNED)
    holding = held() if leg is Leg.CLOSE else None
    assert decide(REOPEN, orders=(unsent,), held=holding) == Resubmit(unsent)


def test_an_order_that_was_just_not_sent_waits_for_as_long_as_the_broker_said() -> None:
    unsent = order(Leg.OPEN, OrderState.PLANNED, attempts=3)
    assert decide(OPEN, BrokerAnswers(NotSent(unsent, "away", 30.0)), orders=(unsent,)) == Retry(
        3, 30.0, "away", Leg.OPEN
    )


@pytest.mark.parametrize("holding", [None, held(quantity=Decimal(6))], ids=["nothing", "less"])
def test_an_unsent_close_is_withdrawn_where_another_event_has_closed_meanwhile(holding: object) -> None:
    unsent = closed(OrderState.PLANNED)
    assert decide(CLOSE, orders=(unsent,), held=holding) == Withdraw(unsent)


def test_a_close_leg_that_filled_in_part_closes_the_rest_with_a_new_order() -> None:
    part = closed(OrderState.PARTIALLY_FILLED, filled=Decimal(4))
    step = decide(CLOSE, orders=(part,), held=held(quantity=Decimal(3)))
    assert step == replace(SELL_SEVEN, generation=1, quantity=Decimal(3))


def test_a_close_that_goes_on_filling_in_parts_is_parked_in_the_end() -> None:
    part = closed(OrderState.PARTIALLY_FILLED, filled=Decimal("0.1"), generation=CLOSES_BEFORE_PARKING - 1)
    assert isinstance(decide(CLOSE, orders=(part,), held=held()), Park)


def test_a_position_that_the_broker_does_not_have_is_written_off() -> None:
    gone = closed(OrderState.REJECTED, error=ErrorType.POSITION_NOT_FOUND)
    assert decide(CLOSE, orders=(gone,), held=held()) == WriteOff(5)
    assert ending(decide(CLOSE, orders=(gone,))) is ErrorType.POSITION_NOT_FOUND
    assert decide(REOPEN, orders=(gone,)) == BUY_TEN


def test_a_partly_filled_open_is_done_and_a_person_is_told() -> None:
    part = opened(OrderState.PARTIALLY_FILLED, filled=Decimal(4))
    step = decide(OPEN, orders=(part,), held=held())
    assert isinstance(step, Finish)
    assert (step.state, step.alert) == (EventState.DONE, AlertKind.PARTIAL_FILL)


def test_a_person_is_told_of_a_flip_that_closed_and_could_not_open() -> None:
    broke = opened(OrderState.REJECTED, error=ErrorType.INSUFFICIENT_FUNDS)
    step = decide(REOPEN, orders=(closed(), broke))
    assert isinstance(step, Finish)
    assert step.alert is AlertKind.FLAT_NOT_REVERSED
    assert step.refusal is not None
    assert (step.refusal.error, step.refusal.by) == (ErrorType.INSUFFICIENT_FUNDS, RefusedBy.BROKER)


def test_nobody_is_told_of_a_flip_that_did_not_even_close() -> None:
    step = decide(REOPEN, orders=(closed(OrderState.REJECTED),), held=held())
    assert isinstance(step, Finish)
    assert step.alert is None


@pytest.mark.parametrize("type_", [OPEN, CLOSE, REOPEN])
def test_the_broker_is_asked_where_it_publishes_no_hours(type_: EventType) -> None:
    any_hours = replace(GOLD, hours=None)
    so = {"instrument": any_hours, "held_instrument": any_hours, "held": held() if type_ is CLOSE else None}
    assert decide(type_, **so) == AskMarket("XAU_USD")  # type: ignore[arg-type]
    assert isinstance(decide(type_, BrokerAnswers(markets={"XAU_USD": True}), **so), SubmitNew)  # type: ignore[arg-type]
    shut = BrokerAnswers().then(MarketAnswer("XAU_USD", False))
    assert ending(decide(type_, shut, **so)) is ErrorType.MARKET_CLOSED  # type: ignore[arg-type]


def test_a_position_in_an_instrument_that_is_not_listed_any_more_is_still_closed() -> None:
    assert decide(CLOSE, BrokerAnswers(markets={"XAU_USD": True}), held=held(), held_instrument=None) == SELL_SEVEN


def test_nothing_is_placed_while_the_broker_cannot_be_asked() -> None:
    assert decide(OPEN, BrokerAnswers(Unreachable("away", 9.0))) == Retry(0, 9.0, "away", Leg.OPEN)


@pytest.mark.parametrize("type_", [CLOSE, REOPEN])
def test_a_rest_that_could_not_be_closed_is_told(type_: EventType) -> None:
    """The refusal that ProQuant hears does not say that a part was closed."""
    part = closed(OrderState.PARTIALLY_FILLED, filled=Decimal(3))
    refused = closed(OrderState.REJECTED, generation=1, id=OrderId(4))
    step = decide(type_, orders=(part, refused), held=held(quantity=Decimal(4), opened=Decimal(7)))
    assert isinstance(step, Finish)
    assert (step.state, step.alert) == (EventState.REFUSED, AlertKind.PARTIAL_FILL)
    assert "4 XAU_USD are still held" in step.note


@pytest.mark.parametrize("type_", [OPEN, CLOSE, REOPEN])
def test_no_order_is_placed_without_the_mark_that_its_look_ups_need(type_: EventType) -> None:
    s = situation(type_, held=held() if type_ is CLOSE else None)
    marked = replace(LIMITS, marks=True)
    unmarked = BrokerAnswers().then(Reported(order(), report(order())))  # an answer, and no mark
    assert next_step(s, unmarked, NOW, marked) == AskMark()
    assert isinstance(next_step(s, unmarked.then(MarkAnswer("7")), NOW, marked), SubmitNew)
    assert isinstance(next_step(s, unmarked.then(MarkAnswer(None)), NOW, marked), SubmitNew)
    away = next_step(s, unmarked.then(Unreachable("away", 9.0)), NOW, marked)
    assert away == Retry(0, 9.0, "away", Leg.CLOSE if type_ is CLOSE else Leg.OPEN)


def test_an_order_that_was_made_before_its_broker_had_marks_is_sent_again_with_one() -> None:
    absent = order(state=OrderState.PLANNED)
    s, marked = situation(OPEN, orders=(absent,)), replace(LIMITS, marks=True)
    assert next_step(s, BrokerAnswers(), NOW, marked) == AskMark()
    assert next_step(s, BrokerAnswers().then(MarkAnswer("7")), NOW, marked) == Resubmit(absent)
    assert isinstance(next_step(s, BrokerAnswers(Unreachable("away", None)), NOW, marked), Retry)
    assert next_step(s, BrokerAnswers(), NOW, LIMITS) == Resubmit(absent)


@pytest.mark.parametrize(
    ("absences", "step"), [(ABSENCES_BEFORE_PARKING - 1, Resubmit), (ABSENCES_BEFORE_PARKING, Park)]
)
@pytest.mark.parametrize("leg", Leg)
def test_sends_that_never_arrive_end_with_a_person(leg: Leg, absences: int, step: type[Step]) -> None:
    absent = order(leg, OrderState.PLANNED, absences=absences)
    type_, holding = (OPEN, None) if leg is Leg.OPEN else (CLOSE, held())
    assert isinstance(decide(type_, orders=(absent,), held=holding), step)


@pytest.mark.parametrize("faulty", [False, True])
def test_a_leg_waits_whose_question_has_no_answer(faulty: bool) -> None:
    heard = BrokerAnswers(Unreachable("away", None, faulty))
    assert decide(CLOSE, heard, held=held()) == Retry(0, None, "away", Leg.CLOSE, faulty)
    assert decide(REOPEN, heard) == Retry(0, None, "away", Leg.OPEN, faulty)


@pytest.mark.parametrize(
    ("lookups", "sent_ago", "step"),
    [
        (LOOKUPS_BEFORE_PARKING - 1, 60, Retry),
        (LOOKUPS_BEFORE_PARKING, 60, Park),
        (LOOKUPS_BEFORE_PARKING, 4, Retry),  # a look-up cannot be conclusive yet
    ],
)
def test_a_person_is_asked_when_look_ups_prove_nothing(lookups: int, sent_ago: int, step: type[Step]) -> None:
    lost = order(state=OrderState.UNKNOWN, lookups=lookups, in_flight_until=NOW - timedelta(seconds=sent_ago))
    assert isinstance(decide(OPEN, BrokerAnswers(LookupInconclusive(lost, "lost")), orders=(lost,)), step)


@pytest.mark.parametrize("lookups", [0, LOOKUPS_BEFORE_PARKING, 40])
def test_a_look_up_that_was_not_made_counts_for_nothing_and_waits_as_the_broker_said(lookups: int) -> None:
    lost = order(state=OrderState.UNKNOWN, lookups=lookups, in_flight_until=NOW - timedelta(seconds=700))
    heard = BrokerAnswers(LookupNotMade(lost, "asked for patience", 590.0))
    assert decide(OPEN, heard, orders=(lost,)) == Retry(0, 590.0, "asked for patience", Leg.OPEN)


@pytest.mark.parametrize(("seconds", "step"), [(-0.001, Retry), (0, Park), (86_400, Park)])
def test_a_person_is_asked_when_the_broker_could_not_be_asked_for_too_long(seconds: float, step: type[Step]) -> None:
    patience = timedelta(seconds=UNASKED_SECONDS_BEFORE_PARKING + LIMITS.settle + seconds)
    lost = order(state=OrderState.UNKNOWN, in_flight_until=NOW - patience)
    assert isinstance(decide(OPEN, BrokerAnswers(LookupNotMade(lost, "away", 60.0)), orders=(lost,)), step)


@pytest.mark.parametrize(("waited", "attempt"), [(-1, 0), (0, 0), (1, 1), (3, 2), (4, 3), (59, 6), (900, 10)])
def test_who_could_not_be_asked_is_asked_again_after_about_as_long_as_the_event_has_waited(
    waited: int, attempt: int
) -> None:
    lost = order(state=OrderState.UNKNOWN, in_flight_until=NOW)
    event = {"received_at": NOW - timedelta(seconds=waited)}
    step = decide(OPEN, BrokerAnswers(LookupNotMade(lost, "away", None)), event, orders=(lost,))
    assert step == Retry(attempt, None, "away", Leg.OPEN)


def test_an_order_at_work_is_asked_for_again_later() -> None:
    working = order(state=OrderState.ACCEPTED, lookups=2)
    heard = BrokerAnswers(Reported(working, report(working, OrderState.ACCEPTED)))
    assert isinstance(decide(OPEN, heard, orders=(working,)), Retry)


def test_a_submit_without_an_answer_is_looked_up_at_once() -> None:
    lost = order(state=OrderState.UNKNOWN)
    assert decide(OPEN, BrokerAnswers(SubmitUnknown(lost, "lost")), orders=(lost,)) == LookUp(lost)


def test_not_found_counts_when_no_send_is_under_way_and_all_has_settled() -> None:
    assert conclusive_from(order(in_flight_until=NOW), LIMITS) == NOW + timedelta(seconds=5)


def test_an_order_that_was_never_sent_cannot_be_settled() -> None:
    with pytest.raises(ValueError, match="never sent"):
        conclusive_from(order(in_flight_until=None), LIMITS)


def test_an_open_without_a_direction_is_refused() -> None:
    step = decide(OPEN, event={"direction": None})
    assert isinstance(step, Finish)
    assert step.refusal == Refusal(GenericError.MALFORMED, "The signal says neither BUY nor SELL.")
