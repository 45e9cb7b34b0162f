"""The rules that planning keeps in every situation there can be."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import (
    ORDER_FINAL,
    Direction,
    ErrorType,
    EventState,
    EventType,
    Leg,
    OrderId,
    OrderState,
)
from shared.situation import Order, Situation
from tests.factories import GOLD, LIMITS, NEVER, NOW, NOW_MS, held, order, report, situation, task
from workers.denials import denial_of, is_expired
from workers.planning import CLOSES_BEFORE_PARKING, next_step
from workers.settling import LOOKUPS_BEFORE_PARKING, UNASKED_SECONDS_BEFORE_PARKING, conclusive_from
from workers.steps import (
    Absent,
    Finish,
    Heard,
    MarketSaid,
    NotLooked,
    NotSent,
    Park,
    Place,
    Reported,
    Send,
    Step,
    Unreachable,
    Unsettled,
)

OPEN, CLOSE, REOPEN = EventType.SIGNAL_OPEN, EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN
FINAL = sorted(ORDER_FINAL)
booleans = st.booleans()
rarely = st.sampled_from((False,) * 7 + (True,))
mostly = st.sampled_from((True,) * 7 + (False,))
instruments = st.sampled_from((GOLD,) * 4 + (replace(GOLD, hours=None), replace(GOLD, hours=NEVER), None))
thoroughly = settings(max_examples=400)


@st.composite
def orders_of_a_leg(draw: st.DrawFn, leg: Leg, final: bool) -> tuple[Order, ...]:
    """The generations of one leg: all but the newest are partly filled; with `final`, the newest is final too."""
    count = draw(st.sampled_from((1, 1, 2, CLOSES_BEFORE_PARKING))) if leg is Leg.CLOSE else 1
    partly = [
        order(leg, OrderState.PARTIALLY_FILLED, id=OrderId(n), generation=n, filled=Decimal(1))
        for n in range(count - 1)
    ]
    state = draw(st.sampled_from(FINAL if final else (*OrderState, OrderState.PLANNED, OrderState.PLANNED)))
    filled = {OrderState.FILLED: Decimal(10), OrderState.PARTIALLY_FILLED: Decimal(4)}.get(state, Decimal(0))
    errors = st.sampled_from((None, ErrorType.INSUFFICIENT_FUNDS, ErrorType.POSITION_NOT_FOUND))
    newest = order(
        leg,
        state,
        id=OrderId(100 if leg is Leg.CLOSE else 200),
        generation=count - 1,
        filled=filled,
        lookups=draw(st.sampled_from((0, LOOKUPS_BEFORE_PARKING - 1, LOOKUPS_BEFORE_PARKING, 40))),
        in_flight_until=NOW + timedelta(seconds=draw(st.sampled_from((-1000, -60, -5, -1, 10)))),
        error=draw(errors) if state is OrderState.REJECTED else None,
    )
    return (*partly, newest)


@st.composite
def orders_of(draw: st.DrawFn, type_: EventType | None) -> tuple[Order, ...]:
    """What an event of this type can have ordered so far."""
    closes = draw(orders_of_a_leg(Leg.CLOSE, final=False)) if type_ in {CLOSE, REOPEN} and draw(booleans) else ()
    close_is_over = all(each.state in ORDER_FINAL for each in closes)
    opens = (
        draw(orders_of_a_leg(Leg.OPEN, final=False))
        if type_ in {OPEN, REOPEN} and close_is_over and draw(booleans)
        else ()
    )
    return closes + opens


@st.composite
def situations(draw: st.DrawFn, types: tuple[EventType | None, ...] = (OPEN, CLOSE, REOPEN)) -> Situation:
    type_ = draw(st.sampled_from(types))
    sent_ago = draw(st.sampled_from((0, 1, 299, 299, 301, 100_000, 400 * 86_400)))
    event = task(
        type_,
        moment=(NOW_MS - sent_ago * 1000, draw(st.integers(1, 3))),
        received_at=NOW - timedelta(seconds=draw(st.sampled_from((0, 1, 3, 301)))),
        direction=draw(st.sampled_from(Direction)),
        proquant_position_id=draw(st.sampled_from(("p0", "p1"))),
        quantity=Decimal(draw(st.sampled_from(("10", "10", "10", "20.4", "0.5", "5000", "1.01")))),
    )
    holding = held(
        direction=draw(st.sampled_from(Direction)),
        quantity=Decimal(draw(st.integers(1, 50))),
        opened=(NOW_MS - draw(st.sampled_from((0, 60_000, 10**9))), draw(st.integers(1, 3))),
    )
    return situation(
        type_,
        task=event,
        multiplier=Decimal(draw(st.sampled_from(("1", "1", "0.5", "3")))),
        approved=draw(mostly),
        ended=draw(rarely),
        paused=draw(rarely),
        enabled=draw(mostly),
        held=holding if draw(booleans) else None,
        orders=draw(orders_of(type_)),
        superseded=draw(st.sampled_from((False, False, True))),
        names_closed=draw(booleans),
        something_parked=draw(rarely),
        instrument=draw(instruments),
        held_instrument=draw(instruments),
    )


@st.composite
def cases(draw: st.DrawFn, types: tuple[EventType | None, ...] = (OPEN, CLOSE, REOPEN)) -> tuple[Situation, Heard]:
    """A situation, and something that can just have been heard in it."""
    s = draw(situations(types))
    news: list[object] = [None, Unreachable("away", 3.0), MarketSaid("XAU_USD", True), MarketSaid("XAU_USD", False)]
    for each in s.orders:
        if each.state is OrderState.PLANNED:
            news += [NotSent(each, "away", None), Absent(each)]
        elif each.state not in ORDER_FINAL:
            news += [Unsettled(each, "lost", looked=True), Unsettled(each, "lost", looked=False)]
            news += [NotLooked(each, "withheld", 590.0)]
            news += [Reported(each, report(each, OrderState.ACCEPTED))]
    last = draw(st.sampled_from(news))
    markets = {"XAU_USD": draw(booleans)} if draw(booleans) else {}
    heard = Heard(markets=markets)
    return s, heard.then(last) if last is not None else heard  # type: ignore[arg-type]  # each of `news` is an Answer


def decide(case: tuple[Situation, Heard]) -> tuple[Situation, Step]:
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
        case Place(leg=leg):
            return leg is Leg.OPEN
        case Send(order=again):
            return again.leg is Leg.OPEN
    return False


@given(cases((*EventType, None)))
def test_every_situation_has_a_step(case: tuple[Situation, Heard]) -> None:
    _, step = decide(case)
    assert isinstance(step, Step)


@thoroughly
@given(cases((OPEN, REOPEN)))
def test_nothing_is_opened_while_something_is_held(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    assert not opens(s, step) or s.held is None


@given(cases())
def test_no_new_order_is_placed_while_one_is_unsettled(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    assert not isinstance(step, Place) or unsettled(s) == []


@given(cases())
def test_only_an_order_that_is_proven_not_to_be_at_the_broker_is_sent_again(case: tuple[Situation, Heard]) -> None:
    _, step = decide(case)
    assert not isinstance(step, Send) or step.order.state is OrderState.PLANNED


@given(cases())
def test_an_event_with_an_order_that_may_be_at_the_broker_is_not_ended(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    assert not isinstance(step, Finish) or all(each.state is OrderState.PLANNED for each in unsettled(s))


@thoroughly
@given(cases((OPEN, REOPEN)))
def test_nothing_is_opened_that_is_denied(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    assert not opens(s, step) or denial_of(s, NOW, LIMITS) is None


@thoroughly
@given(cases((OPEN, REOPEN)))
def test_nothing_is_opened_that_a_later_event_has_ended(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    assert not opens(s, step) or not s.superseded


@given(cases((OPEN, REOPEN)))
def test_an_expired_signal_opens_nothing(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    assert not opens(s, step) or not is_expired(s, NOW, LIMITS)


@given(cases((CLOSE,)))
def test_a_close_never_expires(case: tuple[Situation, Heard]) -> None:
    s, heard = case
    assert next_step(s, heard, NOW, LIMITS) == next_step(s, heard, NOW, replace(LIMITS, open_max_age=10**8))


@thoroughly
@given(cases((CLOSE, REOPEN)))
def test_a_close_leg_closes_exactly_what_is_held(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    if isinstance(step, Place) and step.leg is Leg.CLOSE:
        assert s.held is not None
        assert (step.quantity, step.side) == (s.held.quantity, s.held.direction.opposite)
        assert (step.symbol, step.position_id) == (s.held.symbol, s.held.id)


@thoroughly
@given(cases((CLOSE, REOPEN)))
def test_a_close_leg_is_not_sent_again_for_more_than_is_held(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    if isinstance(step, Send) and step.order.leg is Leg.CLOSE:
        assert s.held is not None
        assert step.order.quantity <= s.held.quantity


@given(cases((OPEN, REOPEN)))
def test_an_open_leg_opens_what_was_asked_for_times_the_multiplier(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    if isinstance(step, Place) and step.leg is Leg.OPEN:
        assert (step.quantity, step.side) == (s.task.quantity * s.multiplier, s.task.direction)
        assert step.position_id is None


@thoroughly
@given(cases((REOPEN,)))
def test_the_open_leg_of_a_reopen_waits_until_its_close_leg_is_final_and_flat(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    if opens(s, step):
        assert s.held is None
        assert all(each.state in ORDER_FINAL for each in s.orders if each.leg is Leg.CLOSE)


@given(cases())
def test_a_generation_is_never_used_twice(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    if isinstance(step, Place):
        assert (step.leg, step.generation) not in {(each.leg, each.generation) for each in s.orders}


@given(cases((*EventType, None)))
def test_a_refusal_has_a_reason_and_nothing_else_has_one(case: tuple[Situation, Heard]) -> None:
    _, step = decide(case)
    if isinstance(step, Finish):
        assert (step.state is EventState.REFUSED) == (step.refusal is not None)
        assert (step.state is EventState.SKIPPED) == (step.skip is not None)


@given(cases())
def test_a_person_is_asked_only_after_the_limits(case: tuple[Situation, Heard]) -> None:
    s, step = decide(case)
    if isinstance(step, Park):
        unasked = isinstance(case[1].last, NotLooked)
        assert any(is_past_asking(each, unasked) or each.generation + 1 >= CLOSES_BEFORE_PARKING for each in s.orders)


@given(cases())
def test_nobody_is_asked_again_for_ever(case: tuple[Situation, Heard]) -> None:
    s, heard = case
    later = next_step(s, heard, NOW + timedelta(days=1), LIMITS)
    if isinstance(heard.last, NotLooked):
        assert isinstance(later, Park)


@given(cases())
def test_no_order_is_placed_in_a_market_that_is_known_to_be_closed(case: tuple[Situation, Heard]) -> None:
    s, heard = case
    step = next_step(s, heard, NOW, LIMITS)
    if isinstance(step, Place):
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
    assert isinstance(next_step(s, Heard(), NOW, LIMITS), Step)
