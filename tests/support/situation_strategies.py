"""Draws situations, and something that can just have been heard in each: what the rules of planning are tried on."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import strategies as st

from shared.domain import ORDER_FINAL, Direction, ErrorType, EventType, Leg, OrderId, OrderState
from shared.situation.model import Order, Situation
from tests.support.factories import GOLD, NEVER, NOW, NOW_MS, held, order, report, situation, task
from workers.decision.lookup_patience import LOOKUPS_BEFORE_PARKING
from workers.decision.planning import CLOSES_BEFORE_PARKING
from workers.decision.steps import (
    BrokerAnswers,
    LookupInconclusive,
    LookupNotMade,
    MarketAnswer,
    NotSent,
    ProvenAbsent,
    Reported,
    SubmitUnknown,
    Unreachable,
)

OPEN, CLOSE, REOPEN = EventType.SIGNAL_OPEN, EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN
FINAL = sorted(ORDER_FINAL)
UNSETTLED = (OrderState.PLANNED, OrderState.SUBMITTING, OrderState.UNKNOWN)
booleans = st.booleans()
rarely = st.sampled_from((False,) * 7 + (True,))
mostly = st.sampled_from((True,) * 7 + (False,))
instruments = st.sampled_from((GOLD,) * 4 + (replace(GOLD, hours=None), replace(GOLD, hours=NEVER), None))


@st.composite
def orders_of_a_leg(draw: st.DrawFn, leg: Leg, final: bool) -> tuple[Order, ...]:
    """The generations of one leg: all but the newest are partly filled; with `final`, the newest is final too."""
    count = draw(st.sampled_from((1, 1, 2, CLOSES_BEFORE_PARKING))) if leg is Leg.CLOSE else 1
    partly = [
        order(leg, OrderState.PARTIALLY_FILLED, id=OrderId(n), generation=n, filled=Decimal(1))
        for n in range(count - 1)
    ]
    state = draw(st.sampled_from(FINAL if final else (*OrderState, *UNSETTLED, *UNSETTLED)))
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
    """In half of them nothing is wrong with the account and the signal: then what is held and what came since decide.

    Drawn apart from each other, so many things were wrong that one in thirty situations let anything be opened, and a
    planning that opened beside what was held passed three times in four.
    """
    is_sound = draw(booleans)
    type_ = draw(st.sampled_from(types))
    sent_ago = 1 if is_sound else draw(st.sampled_from((0, 1, 299, 299, 301, 100_000, 400 * 86_400)))
    event = task(
        type_,
        moment=(NOW_MS - sent_ago * 1000, draw(st.integers(1, 3))),
        received_at=NOW - timedelta(seconds=draw(st.sampled_from((0, 1, 3, 301)))),
        direction=draw(st.sampled_from(Direction)),
        proquant_position_id=draw(st.sampled_from(("p0", "p1"))),
        quantity=Decimal("10" if is_sound else draw(st.sampled_from(("10", "20.4", "0.5", "5000", "1.01")))),
    )
    holding = held(
        direction=draw(st.sampled_from(Direction)),
        quantity=Decimal(draw(st.integers(1, 50))),
        as_of=(NOW_MS - draw(st.sampled_from((0, 60_000, 10**9))), draw(st.integers(1, 3))),
    )
    return situation(
        type_,
        task=event,
        multiplier=Decimal("1" if is_sound else draw(st.sampled_from(("1", "0.5", "3")))),
        approved=is_sound or draw(mostly),
        ended=not is_sound and draw(rarely),
        paused=not is_sound and draw(rarely),
        enabled=is_sound or draw(mostly),
        held=holding if draw(booleans) else None,
        orders=draw(orders_of(type_)),
        superseded=draw(st.sampled_from((False, False, True))),
        names_closed=draw(booleans),
        something_parked=draw(rarely),
        instrument=GOLD if is_sound else draw(instruments),
        held_instrument=draw(instruments),
    )


@st.composite
def cases(
    draw: st.DrawFn, types: tuple[EventType | None, ...] = (OPEN, CLOSE, REOPEN)
) -> tuple[Situation, BrokerAnswers]:
    """A situation, and something that can just have been heard in it."""
    s = draw(situations(types))
    news: list[object] = [
        None,
        Unreachable("away", 3.0),
        Unreachable("odd", None, True),
        MarketAnswer("XAU_USD", True),
        MarketAnswer("XAU_USD", False),
    ]
    for each in s.orders:
        if each.state is OrderState.PLANNED:
            news += [NotSent(each, "away", None), ProvenAbsent(each)]
        elif each.state not in ORDER_FINAL:
            news += [LookupInconclusive(each, "lost"), SubmitUnknown(each, "lost")]
            news += [LookupNotMade(each, "withheld", 590.0)]
            news += [Reported(each, report(each, OrderState.ACCEPTED))]
    last = draw(st.sampled_from(news))
    markets = {"XAU_USD": draw(booleans)} if draw(booleans) else {}
    heard = BrokerAnswers(markets=markets)
    return s, heard.then(last) if last is not None else heard  # type: ignore[arg-type]  # each of `news` is an Answer
