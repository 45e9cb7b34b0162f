"""Plans the next step of an event: a pure function of its situation, the broker's last answers, and the time."""

from dataclasses import replace
from datetime import datetime, timedelta

from shared.accounts.instrument import Instrument
from shared.accounts.open_rules import not_approved
from shared.accounts.orphan_policy import OrphanEvent
from shared.domain import (
    ORDER_FINAL,
    AlertKind,
    ErrorType,
    EventState,
    EventType,
    Leg,
    OrderState,
    Refusal,
    SkipReason,
)
from shared.situation.model import HeldPosition, Order, Situation
from workers.decision.closing import closing_quantity
from workers.decision.flips import is_asked_again
from workers.decision.lookup_patience import ask_again_later, look_up_again, look_up_later
from workers.decision.open_checks import Limits, denial_of, open_quantity
from workers.decision.preconditions import misses_mark, missing_before_order
from workers.decision.refusal_reasons import already_exists, keys_refused, nothing_to_close, refused_by_broker
from workers.decision.steps import (
    AskMark,
    BrokerAnswers,
    Finish,
    LookUp,
    LookupInconclusive,
    LookupNotMade,
    NotSent,
    Park,
    Reported,
    Resubmit,
    Retry,
    Step,
    SubmitNew,
    Unreachable,
    WaitUntil,
    Withdraw,
    WriteOff,
)

CLOSES_BEFORE_PARKING = 20  # that were filled in part; a close in parts of the broker's maximum may need more
ABSENCES_BEFORE_PARKING = 5


def next_step(s: Situation, answers: BrokerAnswers, now: datetime, limits: Limits) -> Step:
    """What to do next about the event.

    An order that is not final comes first: nothing else is decided before its fate is known.
    """
    unsettled = next((order for order in s.orders if order.state not in ORDER_FINAL), None)
    if unsettled is not None:
        return _settle(s, unsettled, answers, now, limits)
    match s.task.type:
        case EventType.SIGNAL_OPEN:
            return _open(s, answers, now, limits)
        case EventType.SIGNAL_CLOSE:
            return _close(s, answers, now, limits)
        case EventType.SIGNAL_REOPEN:
            return _reopen(s, answers, now, limits)
        case OrphanEvent.CLOSE:
            return _close_orphan(s, answers, now, limits)
        case OrphanEvent.REPORT:
            return _report_orphan(s)
        case None:
            return Finish(EventState.SKIPPED, skip=SkipReason.IRRELEVANT)
        case _:  # lifecycle: the receiver has applied it in the transaction that stored it
            return Finish(EventState.DONE)


def _settle(s: Situation, order: Order, answers: BrokerAnswers, now: datetime, limits: Limits) -> Step:
    match answers.last:
        case NotSent(order=said, reason=reason, retry_after=retry_after) if said.id == order.id:
            return Retry(order.attempts, retry_after, reason, order.leg)
        case LookupInconclusive(order=said, reason=reason) if said.id == order.id:
            return look_up_again(order, reason, now, limits)
        case LookupNotMade(order=said, reason=reason, retry_after=retry_after) if said.id == order.id:
            return look_up_later(s, order, reason, retry_after, now, limits)
        case Reported(order=said) if said.id == order.id:
            return look_up_again(order, "The broker is still working on the order.", now, limits)
    if order.state is not OrderState.PLANNED:
        return LookUp(order)
    step = _close_again(s, order) if order.leg is Leg.CLOSE else _open_again(s, order, now, limits)
    return _send_again(s, step, answers, now, limits) if isinstance(step, Resubmit) else step


def _send_again(s: Situation, send: Resubmit, answers: BrokerAnswers, now: datetime, limits: Limits) -> Step:
    """Sends that reach the broker, and of which it knows nothing each time, are a person's to look into."""
    order = send.order
    if order.absences >= ABSENCES_BEFORE_PARKING:
        return Park(
            f"Order {order.client_order_id} was sent {order.absences} times, and each time the broker did not have it."
        )
    if order.mark is not None or not misses_mark(answers, limits):
        return send
    return _unanswered(s, order.leg, answers.last, now) if isinstance(answers.last, Unreachable) else AskMark()


def _close_again(s: Situation, order: Order) -> Step:
    """While this event was parked, another CLOSE may have closed what it was to close: then it must sell nothing."""
    still_meant = s.held is not None and s.held.quantity >= order.quantity
    return Resubmit(order) if still_meant else Withdraw(order)


def _open_again(s: Situation, order: Order, now: datetime, limits: Limits) -> Step:
    if s.superseded:
        return Finish(EventState.SKIPPED, skip=SkipReason.SUPERSEDED)
    denial = denial_of(s, now, limits) or (already_exists() if s.held is not None else None)
    return Resubmit(order) if denial is None else _refuse(s, denial)


def _open(s: Situation, answers: BrokerAnswers, now: datetime, limits: Limits) -> Step:
    order = s.last(Leg.OPEN)
    if order is not None:
        return _after_open(s, order)
    if s.superseded:
        return Finish(EventState.SKIPPED, skip=SkipReason.SUPERSEDED)
    denial = denial_of(s, now, limits)
    if denial is not None:
        return _refuse(s, denial)
    if s.held is not None:
        early = _grace(s, now, limits, "Another position is held; its CLOSE may be on its way.")
        return early or _refuse(s, already_exists())
    return _place_open(s, answers, now, limits)


def _close(s: Situation, answers: BrokerAnswers, now: datetime, limits: Limits) -> Step:
    order = s.last(Leg.CLOSE)
    if order is not None:
        return _after_close(s, order, answers, now, limits) or _closed(s, order)
    if not s.approved:
        return _refuse(s, not_approved())
    if s.held is not None and s.held.as_of < s.task.moment and not _names_another_closed(s, s.held):
        return _place_close(s, s.held, answers, now, limits, generation=0)
    if s.held is None and s.something_parked:
        return Retry(1, None, "Another event of the strategy waits for a person; what it left is not known.")
    if s.held is None and not s.names_closed:
        early = _grace(s, now, limits, "Nothing is held; the OPEN may be on its way.")
        if early is not None:
            return early
    return _refuse(s, nothing_to_close())


def _closed(s: Situation, order: Order) -> Step:
    """Done, also where only a part was still there: a fee that the broker took in kind leaves less than was bought."""
    closed = any(each.leg is Leg.CLOSE and each.filled > 0 for each in s.orders)
    gone = order.error is ErrorType.POSITION_NOT_FOUND and not closed
    return _refuse(s, refused_by_broker(order)) if gone else Finish(EventState.DONE)


def _reopen(s: Situation, answers: BrokerAnswers, now: datetime, limits: Limits) -> Step:
    opened = s.last(Leg.OPEN)
    if opened is not None:
        return _after_open(s, opened)
    closed = s.last(Leg.CLOSE)
    if closed is not None:
        return _after_close(s, closed, answers, now, limits) or _reopen_open_leg(s, answers, now, limits)
    if s.superseded:
        return Finish(EventState.SKIPPED, skip=SkipReason.SUPERSEDED)
    if not s.approved:
        return _refuse(s, not_approved())
    if s.held is None:
        return _reopen_open_leg(s, answers, now, limits)
    if is_asked_again(s.held, s.task):
        later = s.held.id if s.task.moment > s.held.as_of else None
        return Finish(EventState.SKIPPED, skip=SkipReason.DUPLICATE, confirms=later)
    return _place_close(s, s.held, answers, now, limits, generation=0)


def _reopen_open_leg(s: Situation, answers: BrokerAnswers, now: datetime, limits: Limits) -> Step:
    if s.superseded:
        return Finish(EventState.SKIPPED, skip=SkipReason.SUPERSEDED)
    denial = denial_of(s, now, limits)
    return _refuse(s, denial) if denial is not None else _place_open(s, answers, now, limits)


def _close_orphan(s: Situation, answers: BrokerAnswers, now: datetime, limits: Limits) -> Step:
    """By an account's policy. Nobody will ask again: what only has to wait is parked, and not refused."""
    order = s.last(Leg.CLOSE)
    if order is not None:
        return _after_close(s, order, answers, now, limits) or Finish(EventState.DONE)
    if s.held is None and s.something_parked:
        return Retry(1, None, "Another event of the strategy waits for a person; what it left is not known.")
    if s.held is None or s.held.as_of >= s.task.moment:
        return Finish(EventState.DONE)
    step = _place_close(s, s.held, answers, now, limits, generation=0)
    if isinstance(step, Finish) and step.refusal is not None:
        return Park(f"{_orphan_note(s.held)} {step.refusal.detail} Retry when it is open.")
    return step


def _report_orphan(s: Situation) -> Finish:
    if s.held is None or s.held.as_of >= s.task.moment:
        return Finish(EventState.DONE)
    return Finish(EventState.DONE, alert=AlertKind.ORPHAN, note=_orphan_note(s.held))


def _orphan_note(held: HeldPosition) -> str:
    what = f"{held.quantity:f} {held.symbol} ({held.direction})"
    return f"{what} are held, and the integration was ended or the strategy disabled: no signal will close them."


def _place_open(s: Situation, answers: BrokerAnswers, now: datetime, limits: Limits) -> Step:
    instrument, direction = s.instrument, s.task.direction
    if instrument is None or direction is None:
        raise ValueError(
            f"Event {s.task.id} cannot open: its instrument and direction should have been checked before."
        )
    place = SubmitNew(Leg.OPEN, 0, instrument.symbol, instrument.ticker, direction, open_quantity(s))
    return _before_placing(s, place, instrument, answers, now, limits) or place


def _place_close(
    s: Situation, held: HeldPosition, answers: BrokerAnswers, now: datetime, limits: Limits, generation: int
) -> Step:
    """Closes what is held, whatever could be opened by now: only the broker may refuse it.

    No more than the instrument's maximum goes into one order; the rest follows when that has ended.
    """
    quantity = closing_quantity(held.quantity, s.held_instrument)
    side = held.direction.opposite
    place = SubmitNew(Leg.CLOSE, generation, held.symbol, held.ticker, side, quantity, held.id)
    return _before_placing(s, place, s.held_instrument, answers, now, limits) or place


def _before_placing(
    s: Situation, place: SubmitNew, instrument: Instrument | None, answers: BrokerAnswers, now: datetime, limits: Limits
) -> Step | None:
    if isinstance(answers.last, Unreachable):
        return _unanswered(s, place.leg, answers.last, now)
    missing = missing_before_order(place, instrument, answers, now, limits)
    return _refuse(s, missing) if isinstance(missing, Refusal) else missing


def _unanswered(s: Situation, leg: Leg, unreachable: Unreachable, now: datetime) -> Step:
    """A question before the order has no answer. Keys that are refused there are refused for the order, too."""
    if not unreachable.refused:
        return ask_again_later(s, leg, unreachable, now)
    return _refuse(s, keys_refused())


def _after_open(s: Situation, order: Order) -> Step:
    if order.state is OrderState.FILLED:
        return Finish(EventState.DONE)
    if order.filled > 0:
        note = f"{order.filled} of {order.quantity} {order.symbol} were filled; that is what the strategy holds."
        return Finish(EventState.DONE, alert=AlertKind.PARTIAL_FILL, note=note)
    return _refuse(s, refused_by_broker(order))


def _after_close(s: Situation, order: Order, answers: BrokerAnswers, now: datetime, limits: Limits) -> Step | None:
    """What is left to do about a close leg whose newest order is final; None when the strategy is flat."""
    if s.held is None:
        return None
    if order.error is ErrorType.POSITION_NOT_FOUND:
        return WriteOff(s.held.id)
    if order.filled == 0 and not (order.state is OrderState.CANCELLED and order.absences):
        return _refuse_rest(s, s.held, refused_by_broker(order))
    whole = sum(1 for each in s.orders if each.leg is Leg.CLOSE and each.state is OrderState.FILLED)
    partial = order.generation + 1 - whole
    if partial >= CLOSES_BEFORE_PARKING:
        return Park(f"{s.held.quantity} {s.held.symbol} are still held after {partial} partial closes.")
    return _place_close(s, s.held, answers, now, limits, order.generation + 1)


def _refuse_rest(s: Situation, held: HeldPosition, refusal: Refusal) -> Finish:
    """ProQuant's answer cannot say that a part was closed, so an alert says it."""
    finish = _refuse(s, refusal)
    if finish.alert is not None or not any(each.leg is Leg.CLOSE and each.filled > 0 for each in s.orders):
        return finish
    note = f"A part was closed, and {held.quantity:f} {held.symbol} are still held: {refusal.detail}"
    return replace(finish, alert=AlertKind.PARTIAL_FILL, note=note)


def _names_another_closed(s: Situation, held: HeldPosition) -> bool:
    return s.names_closed and held.proquant_position_id != s.task.proquant_position_id


def _grace(s: Situation, now: datetime, limits: Limits, reason: str) -> WaitUntil | None:
    until = s.task.received_at + timedelta(seconds=limits.reorder_grace)
    return WaitUntil(until, reason) if now < until else None


def _refuse(s: Situation, refusal: Refusal) -> Finish:
    """Ends the event as refused, with an alert where its close leg was executed and its open leg was not."""
    if s.task.type is OrphanEvent.CLOSE and s.held is not None:
        note = f"{_orphan_note(s.held)} {refusal.detail}"
        return Finish(EventState.REFUSED, refusal, alert=AlertKind.ORPHAN, note=note)
    closed = s.last(Leg.CLOSE)
    if s.task.type is EventType.SIGNAL_REOPEN and closed is not None and s.held is None:
        note = f"The position was closed, but the new one was not opened: {refusal.detail}"
        return Finish(EventState.REFUSED, refusal, alert=AlertKind.FLAT_NOT_REVERSED, note=note)
    return Finish(EventState.REFUSED, refusal)
