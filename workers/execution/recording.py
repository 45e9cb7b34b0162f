"""Records, inside a worker's transaction, what the broker has answered and which step comes next."""

from datetime import datetime, timedelta
from typing import assert_never

from sqlalchemy.orm import Session

from shared.alerts.raising import raise_alert
from shared.domain import AlertKind, EventId, OrderState
from shared.inbox import refusals, states
from shared.ledger import intents, orders, waits
from shared.situation.model import Order, Situation
from workers.decision.steps import (
    AskMark,
    AskMarket,
    BrokerAnswer,
    Finish,
    LookUp,
    LookupInconclusive,
    LookupNotMade,
    MarkAnswer,
    MarketAnswer,
    NotSent,
    Park,
    ProvenAbsent,
    Rejected,
    Reported,
    Resubmit,
    Retry,
    Step,
    SubmitNew,
    SubmitUnknown,
    Unreachable,
    WaitUntil,
    Withdraw,
    WriteOff,
)
from workers.execution import retry

TELLS_REFUSAL = (AlertKind.FLAT_NOT_REVERSED, AlertKind.ORPHAN)  # no second alert says the same of an event
FAULTS_BEFORE_PARKING = 12  # five minutes, as long as an OPEN is waited for by default; a fault may pass


def record_answer(session: Session, answer: BrokerAnswer, now: datetime) -> None:
    """What the broker said becomes the state of the order. Recording the same answer twice changes nothing."""
    match answer:
        case Reported(order, report):
            orders.reported(session, order, report, now)
        case Rejected(order, rejection):
            orders.rejected(session, order, rejection.type, rejection.reason)
        case NotSent(order, reason, _):
            orders.not_sent(session, order, reason)
        case ProvenAbsent(order):
            orders.absent(session, order)
        case LookupInconclusive(order, reason):
            orders.lookup_inconclusive(session, order, reason)
        case SubmitUnknown(order, reason):
            orders.submit_unknown(session, order, reason, now)
        case LookupNotMade() | MarketAnswer() | MarkAnswer() | Unreachable():
            pass  # nothing of ours has changed
        case _:
            assert_never(answer)


def record_step(
    session: Session, s: Situation, step: Step, mark: str | None, now: datetime, lease: float, jitter: float
) -> Order | datetime | bool | None:
    """What is going to be done is committed before it is done.

    Returns the order that is going to be sent; or when the event is due again; or, with Finish, whether somebody may
    wait for the outcome: ProQuant was not answered yet. `lease`: seconds for which a send may
    still begin and end, since a worker that was held up after the commit sends for as long as its lease covers it.
    """
    in_flight_until = now + timedelta(seconds=lease)
    match step:
        case SubmitNew():
            return intents.store_intent(session, s, _intended(s, step, mark, in_flight_until), step.position_id)
        case Resubmit(order):
            return orders.resubmit(session, order, mark, in_flight_until)
        case LookUp(order):
            return order
        case AskMarket() | AskMark():
            return None
        case WriteOff(position_id):
            _write_off(session, s, position_id, now)
            return None
        case Withdraw():
            orders.withdraw(session, s.task.id)
            return None
        case WaitUntil(at, reason):
            states.wait(session, s.task.id, at, reason)
            return at
        case Retry():
            return _try_later(session, s.task.id, step, now, jitter)
        case Park(reason):
            states.park(session, s.task.id, reason)
            return None
        case Finish():
            return not _finish(session, s, step, now)
        case _:
            assert_never(step)


def _intended(s: Situation, step: SubmitNew, mark: str | None, in_flight_until: datetime) -> Order:
    return intents.new_order(s, step.leg, step.generation, step.symbol, step.side, step.quantity, mark, in_flight_until)


def _try_later(session: Session, event: EventId, step: Retry, now: datetime, jitter: float) -> datetime | None:
    """When the event is due again; None where a person is asked, since the adapter has failed too often."""
    if step.faulty:
        return _after_fault(session, event, step, now, jitter)
    until = retry.next_attempt(now, step.attempt, step.retry_after, jitter)
    states.wait(session, event, until, step.reason)
    if step.leg is not None and step.retry_after is not None:
        waits.note(session, event, step.leg, now, until, step.reason)
    return until


def _after_fault(session: Session, event: EventId, step: Retry, now: datetime, jitter: float) -> datetime | None:
    failures = states.failures(session, event) + 1
    until = retry.next_attempt(now, failures, None, jitter)
    states.fail(session, event, until, step.reason)
    if failures < FAULTS_BEFORE_PARKING:
        return until
    states.park(session, event, f"The broker's adapter broke its contract {failures} times. {step.reason}")
    return None


def _write_off(session: Session, s: Situation, position_id: int, now: datetime) -> None:
    orders.write_off(session, position_id, s.task.id, now)
    held = s.held
    what = f"{held.quantity} {held.symbol}" if held else f"Position {position_id}"
    note = f"{what} was held by the ledger, and the broker says that it is not there; the ledger follows the broker."
    raise_alert(session, AlertKind.GONE_AT_BROKER, note, s.account_id, s.task.id)


def _finish(session: Session, s: Situation, step: Finish, now: datetime) -> bool:
    """Ends the event; returns whether ProQuant had been answered before."""
    if any(order.state is OrderState.PLANNED for order in s.orders):
        orders.withdraw(session, s.task.id)
    if step.confirms is not None:
        orders.confirm(session, step.confirms, s.task.id)
    answered = states.finish(session, s.task.id, step.state, now, step.refusal, step.skip)
    if step.alert is not None:
        raise_alert(session, step.alert, step.note, s.account_id, s.task.id)
    tells = step.alert in TELLS_REFUSAL
    if answered and step.refusal is not None and not tells:
        note = f"Refused after ProQuant had been answered 200: {step.refusal.error}. {step.refusal.detail}"
        raise_alert(session, AlertKind.LATE_FAILURE, note, s.account_id, s.task.id)
    elif s.task.type is None:
        note = "An event of a type that this build does not know."
        raise_alert(session, AlertKind.UNKNOWN_TYPE, note, s.account_id, s.task.id)
    if step.refusal is not None and (answered or tells):
        refusals.mark_told(session, [s.task.id])
    return answered
