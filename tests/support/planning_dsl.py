"""Asks planning what to do, and says how an event ends: the words in which its rules are written down."""

from collections.abc import Mapping
from decimal import Decimal

from shared.domain import Direction, EventType, Leg, OrderId, OrderState
from shared.situation.model import Order, Situation
from tests.support.factories import LIMITS, NOW, order, situation, task
from workers.decision.planning import next_step
from workers.decision.steps import BrokerAnswers, Finish, Step, SubmitNew

OPEN, CLOSE, REOPEN = EventType.SIGNAL_OPEN, EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN
BUY_TEN = SubmitNew(Leg.OPEN, 0, "XAU_USD", "XAUUSD", Direction.BUY, Decimal(10))
SELL_SEVEN = SubmitNew(Leg.CLOSE, 0, "XAU_USD", "XAUUSD", Direction.SELL, Decimal(7), 5)


def decide(
    type_: EventType | None, heard: BrokerAnswers | None = None, event: Mapping[str, object] | None = None, **so: object
) -> Step:
    """The step for an event of this type, with what is said of the event, and of what is so."""
    s: Situation = situation(type_, **{"task": task(type_, **(event or {})), **so})
    return next_step(s, heard or BrokerAnswers(), NOW, LIMITS)


def ending(step: Step) -> object:
    """How the event ends, in one word; or the step, where it does not end."""
    if not isinstance(step, Finish):
        return step
    if step.refusal is not None:
        return step.refusal.error
    return step.skip or step.state


def closed(state: OrderState = OrderState.FILLED, **values: object) -> Order:
    filled = Decimal(7) if state is OrderState.FILLED else Decimal(0)
    return order(Leg.CLOSE, state, **{"filled": filled, "id": OrderId(2), **values})


def opened(state: OrderState = OrderState.FILLED, **values: object) -> Order:
    filled = Decimal(10) if state is OrderState.FILLED else Decimal(0)
    return order(Leg.OPEN, state, **{"filled": filled, **values})
