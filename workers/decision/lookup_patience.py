"""How long look-ups of an order are repeated, and when the event is parked for a person instead. Pure."""

from datetime import datetime, timedelta

from shared.domain import Leg
from shared.situation.model import Order, Situation
from workers.decision.open_checks import Limits
from workers.decision.steps import Park, Retry, Step, Unreachable

LOOKUPS_BEFORE_PARKING = 12
UNASKED_SECONDS_BEFORE_PARKING = 900.0  # the longest hold that a broker gets, and half of it for what comes after


def look_up_again(order: Order, reason: str, now: datetime, limits: Limits) -> Step:
    """Ask again later; in the end ask a person, but never before a look-up could have been conclusive."""
    if order.lookups >= LOOKUPS_BEFORE_PARKING and now >= conclusive_from(order, limits):
        return Park(f"Order {order.client_order_id} may or may not be at the broker: {reason}")
    return Retry(order.lookups, None, reason)


def look_up_later(
    s: Situation, order: Order, reason: str, retry_after: float | None, now: datetime, limits: Limits
) -> Step:
    """The broker was not asked, or did not listen: that is no look-up in vain, and no reason to wait for ever."""
    if now >= conclusive_from(order, limits) + timedelta(seconds=UNASKED_SECONDS_BEFORE_PARKING):
        return Park(f"Order {order.client_order_id} may or may not be at the broker, who could not be asked: {reason}")
    return Retry(_attempt(s, now), retry_after, reason, order.leg)


def ask_again_later(s: Situation, leg: Leg, unreachable: Unreachable, now: datetime) -> Retry:
    """A question that has to be answered before this leg is placed was not: it is asked again."""
    return Retry(_attempt(s, now), unreachable.retry_after, unreachable.reason, leg, unreachable.faulty)


def _attempt(s: Situation, now: datetime) -> int:
    """Where nothing counts the attempts: the one that comes after about as long again as the event has waited."""
    return max(0, int((now - s.task.received_at).total_seconds())).bit_length()


def conclusive_from(order: Order, limits: Limits) -> datetime:
    """From when "not found" proves that an order is not at the broker: no send is under way, and all is settled."""
    if order.in_flight_until is None:
        raise ValueError(f"Order {order.client_order_id} was never sent, so there is nothing to settle.")
    return order.in_flight_until + timedelta(seconds=limits.settle)
