"""Whether a broker's report is the complete fill that finishes its event, whatever else has come since. Pure."""

from shared.accounts.orphan_policy import OrphanEvent
from shared.domain import EventState, EventType, Leg, OrderState
from shared.ledger.reports import OrderReport
from shared.situation.model import Order, Situation
from workers.decision.steps import Finish

DONE = Finish(EventState.DONE)
"""What comes of an order for which `is_complete_fill` says yes."""


def is_complete_fill(s: Situation, order: Order, report: OrderReport) -> bool:
    """Whether this report of the order, sent in this situation, ends the event as done, whatever else has come since.

    So it is where the last leg was filled at once and whole: an open leg, or a CLOSE of all that is held. What a REOPEN
    may open after its close leg depends on what has come since, so that leg is none.
    """
    whole = report.filled_quantity == order.quantity and order.filled == 0 and report.error is None
    if report.state is not OrderState.FILLED or not whole:
        return False
    if any(other.state is OrderState.PLANNED for other in s.orders if other.id != order.id):
        return False  # it has to be withdrawn
    if order.leg is Leg.OPEN:
        return s.task.type in (EventType.SIGNAL_OPEN, EventType.SIGNAL_REOPEN)
    closes = s.task.type in (EventType.SIGNAL_CLOSE, OrphanEvent.CLOSE)
    return closes and s.held is not None and s.held.quantity == order.quantity
