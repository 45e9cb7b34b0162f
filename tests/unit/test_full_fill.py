"""The fast path of a complete fill ends an event only as the full path would, whatever else has come since."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.accounts.orphan_policy import OrphanEvent
from shared.domain import ORDER_FINAL, ErrorType, EventType, Leg, OrderId, OrderState
from shared.ledger.reports import OrderReport
from shared.situation.model import Order, Situation
from tests.support.factories import LIMITS, NOW, held, order, report, situation, task
from tests.support.situation_strategies import situations
from tests.unit.test_planning_properties import thoroughly
from workers.decision.full_fill import DONE, is_complete_fill
from workers.decision.planning import next_step
from workers.decision.steps import BrokerAnswers, Reported

OPEN, CLOSE, REOPEN = EventType.SIGNAL_OPEN, EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN
HOLDING = held(quantity=Decimal(7))
ORPHANED = OrphanEvent.CLOSE
UNITS = st.sampled_from((None, None, None, Decimal(0), Decimal(1)))
STATES = st.sampled_from((OrderState.FILLED, *OrderState))


@thoroughly
@given(before=situations(), since=situations(), leg=st.sampled_from(Leg), units=UNITS, state=STATES)
def test_what_ends_at_once_would_have_ended_so(
    before: Situation, since: Situation, leg: Leg, units: Decimal | None, state: OrderState
) -> None:
    settled = tuple(each for each in before.orders if each.state in ORDER_FINAL and each.leg is Leg.CLOSE)
    quantity = before.held.quantity if before.held and leg is Leg.CLOSE else Decimal(10)
    sent = order(leg, id=OrderId(999), quantity=quantity, generation=len(settled))
    told = report(sent, state, filled_quantity=quantity if units is None else units)
    if not is_complete_fill(before, sent, told):
        return
    after = replace(
        since,
        task=before.task,
        held=HOLDING if leg is Leg.OPEN else None,
        orders=(*settled, replace(sent, state=told.state, filled=told.filled_quantity)),
    )
    assert next_step(after, BrokerAnswers(Reported(sent, told)), NOW, LIMITS) == DONE


@pytest.mark.parametrize(
    ("type_", "leg", "ends"),
    [
        (OPEN, Leg.OPEN, True),
        (REOPEN, Leg.OPEN, True),
        (CLOSE, Leg.CLOSE, True),
        (ORPHANED, Leg.CLOSE, True),
        (REOPEN, Leg.CLOSE, False),
    ],
)
def test_the_last_leg_ends_its_event_and_the_first_of_a_reopen_does_not(
    type_: EventType | OrphanEvent, leg: Leg, ends: bool
) -> None:
    assert is_complete_fill(*answered(type_, leg)) is ends


@pytest.mark.parametrize(
    "otherwise",
    [
        {"filled_quantity": Decimal(6)},
        {"filled_quantity": Decimal(8)},
        {"state": OrderState.ACCEPTED},
        {"state": OrderState.PARTIALLY_FILLED},
        {"error": ErrorType.POSITION_NOT_FOUND},
    ],
)
def test_an_answer_that_is_not_plainly_whole_goes_the_long_way(otherwise: dict[str, object]) -> None:
    s, sent, told = answered(CLOSE, Leg.CLOSE)
    assert not is_complete_fill(s, sent, replace(told, **otherwise))  # type: ignore[arg-type]  # the table names its fields


def test_a_close_of_a_part_and_an_order_that_was_filled_in_parts_go_the_long_way() -> None:
    s, sent, told = answered(CLOSE, Leg.CLOSE)
    assert not is_complete_fill(replace(s, held=held(quantity=Decimal(9))), sent, told)
    assert not is_complete_fill(replace(s, held=None), sent, told)
    assert not is_complete_fill(s, replace(sent, filled=Decimal(1)), told)


def answered(type_: EventType | OrphanEvent, leg: Leg) -> tuple[Situation, Order, OrderReport]:
    s = replace(situation(), task=replace(task(), type=type_), held=HOLDING)
    sent = order(leg, quantity=Decimal(7))
    return s, sent, report(sent, filled_quantity=Decimal(7))
