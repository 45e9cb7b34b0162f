"""What a person decides about a parked event: checked, written down, and handed back to the workers, all at once."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import assert_never

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from shared.database.tables.events import EventRow, Resolution, Strategy
from shared.database.tables.orders import FillRow, OrderRow
from shared.domain import EXACT, ORDER_FINAL, EventId, EventState, OrderState
from shared.errors import BridgeError
from shared.inbox import states
from shared.ledger import orders
from shared.ledger.reports import Fill, OrderReport
from shared.situation.load import order_of
from shared.situation.model import Order

NOTHING = Decimal(0)


class ResolutionVerdict(StrEnum):
    """What the person has found out."""

    FILLED = "filled"  # the order was executed
    NOT_PLACED = "not_placed"  # the broker does not have the order, and will not get it
    RETRY = "retry"  # nothing: the cause of the trouble is mended, and the workers may find out by themselves


POSSIBLE: dict[ResolutionVerdict, frozenset[OrderState]] = {
    ResolutionVerdict.FILLED: frozenset({OrderState.SUBMITTING, OrderState.UNKNOWN, OrderState.ACCEPTED}),
    ResolutionVerdict.NOT_PLACED: frozenset(OrderState) - ORDER_FINAL,
    ResolutionVerdict.RETRY: frozenset(OrderState) - ORDER_FINAL,
}
"""About orders in which states each verdict can be true: what was proven not to be there has not been filled."""


class UnknownEventId(BridgeError):
    """There is no event of this id."""


class CannotResolve(BridgeError):
    """The verdict cannot be true of this event, or the event needs none."""


@dataclass(frozen=True, slots=True)
class ResolutionRequest:
    """A verdict, and who gave it. `quantity` (units; None: all that was ordered) and `price` belong to `filled`."""

    verdict: ResolutionVerdict
    who: str
    note: str | None = None
    quantity: Decimal | None = None
    price: Decimal | None = None


def resolve(session: Session, event: EventId, resolution: ResolutionRequest, now: datetime) -> None:
    """Lets the judgement say what became of the event's unsettled order, and hands the event back to the workers.

    Under the strategy's row lock, which every write of a worker takes too. `now` is the database's clock. Raises
    UnknownEventId, and CannotResolve for an event that is not parked or a verdict that cannot be true of it.
    """
    _lock_parked(session, event)
    order = _unsettled(session, event)
    _check(event, order, resolution, now)
    if order is not None:
        _apply(session, order, resolution, now)
    _write_down(session, event, order, resolution)
    states.requeue(session, event)


def _lock_parked(session: Session, event: EventId) -> None:
    lock = select(Strategy.id).join(EventRow, EventRow.strategy == Strategy.id).where(EventRow.id == event)
    session.execute(lock.with_for_update(of=Strategy))
    state = session.scalar(select(EventRow.state).where(EventRow.id == event))
    if state is None:
        raise UnknownEventId(f"There is no event {event}; `proquant-bridge events list` shows those there are.")
    if state != EventState.PARKED:
        raise CannotResolve(f"Event {event} is {state}; only a parked event waits for a person.")


def _unsettled(session: Session, event: EventId) -> Order | None:
    """The order that nobody knows the fate of. An event has one at most: the next is placed when it is final."""
    open_question = OrderRow.state.not_in(ORDER_FINAL)
    row = session.scalar(select(OrderRow).where(OrderRow.event_id == event, open_question).order_by(OrderRow.id))
    return None if row is None else order_of(row)


def _check(event: EventId, order: Order | None, resolution: ResolutionRequest, now: datetime) -> None:
    if order is None:
        if resolution.verdict is not ResolutionVerdict.RETRY:
            raise CannotResolve(f"Event {event} has no unsettled order to judge; all that can be done is to retry it.")
        return
    if order.state not in POSSIBLE[resolution.verdict]:
        verdict = resolution.verdict.replace("_", " ")
        raise CannotResolve(f"Order {order.client_order_id} is {order.state}: that cannot be {verdict}. Retry it.")
    if resolution.verdict is ResolutionVerdict.NOT_PLACED and order.filled:
        raise CannotResolve(f"{order.filled:f} of order {order.client_order_id} are filled: it was placed. Retry it.")
    if (
        resolution.verdict is ResolutionVerdict.NOT_PLACED
        and order.in_flight_until is not None
        and now < order.in_flight_until
    ):
        until = f"{order.in_flight_until:%H:%M:%S} UTC"
        raise CannotResolve(f"Order {order.client_order_id} may still reach the broker until {until}; look after that.")
    if resolution.verdict is ResolutionVerdict.FILLED:
        _check_quantity(order, _filled(order, resolution))


def _check_quantity(order: Order, quantity: Decimal) -> None:
    if not max(order.filled, NOTHING) <= quantity <= order.quantity or quantity == NOTHING:
        least = f"at least {order.filled:f}" if order.filled else "more than 0"
        raise CannotResolve(
            f"{quantity:f} cannot be what was filled of order {order.client_order_id}: it is {least} (already known) "
            f"and at most {order.quantity:f} (ordered)."
        )


def _apply(session: Session, order: Order, resolution: ResolutionRequest, now: datetime) -> None:
    orders.restart_lookups(session, order.id, now)
    match resolution.verdict:
        case ResolutionVerdict.FILLED:
            orders.reported(session, order, _report(session, order, resolution, now), now)
        case ResolutionVerdict.NOT_PLACED if order.state is OrderState.ACCEPTED:
            orders.reported(session, order, _ended_unfilled(order, resolution), now)
            orders.found_absent(session, order.id)
        case ResolutionVerdict.NOT_PLACED:
            orders.not_sent(session, order, f"{resolution.who} found that the broker does not have it.")
        case ResolutionVerdict.RETRY:
            pass
        case _:
            assert_never(resolution.verdict)


def _ended_unfilled(order: Order, resolution: ResolutionRequest) -> OrderReport:
    """The broker knows the id, and would refuse it again: this order is over. What it was to close gets a new one."""
    reason = f"{resolution.who} found that nothing was executed."
    return OrderReport(order.client_order_id, None, OrderState.CANCELLED, order.filled, None, reason=reason)


def _report(session: Session, order: Order, resolution: ResolutionRequest, now: datetime) -> OrderReport:
    """The person's word in the form of the broker's: the fills that are known, and one for the rest."""
    quantity = _filled(order, resolution)
    known = session.scalars(select(FillRow).where(FillRow.order_id == order.id).order_by(FillRow.id))
    fills = [Fill(row.fill_id, row.quantity, row.price, row.at) for row in known]
    rest = EXACT.subtract(quantity, order.filled)
    if rest > 0:
        price = NOTHING if resolution.price is None else resolution.price
        fills.append(Fill(f"{order.client_order_id}:resolved", rest, price, now))
    whole = quantity == order.quantity
    return OrderReport(
        client_order_id=order.client_order_id,
        broker_order_id=None,
        state=OrderState.FILLED if whole else OrderState.PARTIALLY_FILLED,
        filled_quantity=quantity,
        average_price=resolution.price,
        fills=tuple(fills),
        reason=f"{resolution.who} found it filled.",
    )


def _filled(order: Order, resolution: ResolutionRequest) -> Decimal:
    return order.quantity if resolution.quantity is None else resolution.quantity


def _write_down(session: Session, event: EventId, order: Order | None, resolution: ResolutionRequest) -> None:
    values = {
        "event_id": event,
        "verdict": resolution.verdict,
        "order_id": None if order is None else order.id,
        "quantity": _filled(order, resolution) if order and resolution.verdict is ResolutionVerdict.FILLED else None,
        "price": resolution.price,
        "who": resolution.who,
        "note": resolution.note,
    }
    session.execute(insert(Resolution).values(values))
