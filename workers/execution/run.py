"""Executes the events of one strategy in order: the path of an event from the doorbell to its outcome."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

import structlog
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from tenacity import Retrying, retry_if_exception_type, wait_exponential_jitter

from shared.domain import EventId
from shared.errors import ConfigurationError, LeaseLost
from shared.inbox import states
from workers.brokers.base import Broker
from workers.decision.steps import (
    AskMark,
    AskMarket,
    BrokerAnswer,
    BrokerAnswers,
    Finish,
    LookUp,
    MarkAnswer,
    NotSent,
    Park,
    Resubmit,
    Retry,
    Step,
    SubmitNew,
    WaitUntil,
    Withdraw,
    WriteOff,
)
from workers.execution import broker_calls, retry, transaction
from workers.execution import lease as leases
from workers.execution.context import BrokerHandle, WorkerContext
from workers.execution.transaction import (
    CurrentEvent,
    PendingBrokerCall,
    StepTaken,
    TransactionContext,
    TransactionResult,
)

log = structlog.get_logger()

FAILURES_BEFORE_PARKING = 8
SETTINGS_SECONDS = 15.0  # until an event is looked at again that our own settings keep from its broker
DATABASE_ERRORS = (OperationalError, InterfaceError, InternalError)  # the last: we froze in a transaction


def execute_event(worker: WorkerContext, event: EventId) -> None:
    """Answers a doorbell: executes what is due of the event's strategy until nothing is.

    1. Lease the strategy of the event. If somebody has it, that one will find the event: return.
    2. Look at the first event that is due, decide about it, and record what will be asked of the broker. All of that
       is one transaction (`transaction.begin`).
    3. Send the order, or ask: outside of any transaction.
    4. Record what the broker said, and decide on: to ask again, or that the event is over. The transaction that ends an
       event takes up the next one and decides about it; or, when nothing is due, releases the strategy under the lock
       that the receiver takes too (`transaction.go_on`).
    """
    try:
        result = _transact(worker, partial(transaction.begin, event=event))
        while result.current is not None:
            result = _go_on(worker, result.current)
    except LeaseLost as lost:
        log.warning("Another worker has taken over.", action="lease_lost", event_id=event, reason=str(lost))


def _go_on(worker: WorkerContext, current: CurrentEvent) -> TransactionResult:
    """One event that makes our code raise must not stop the others: it is postponed, and parked in the end.

    A database that is away is no fault of the event's: the lease runs out, and the sweep rings again. Nor is a setting
    of ours, such as a wrong key: its events wait until that is mended, and none is parked for it.
    """
    try:
        return _go_on_while_leased(worker, _ask_broker(worker, current))
    except (LeaseLost, *DATABASE_ERRORS):
        raise
    except ConfigurationError as error:
        log.error("An event waits for our settings.", action="settings_failed", event_id=current.event, why=str(error))
        _wait_for_settings(worker, current, str(error))
        return TransactionResult(None)
    except Exception as error:
        log.exception("An event could not be executed.", action="event_failed", event_id=current.event)
        _postpone(worker, current, f"{type(error).__name__}: see the log.")
        raise


def _ask_broker(worker: WorkerContext, current: CurrentEvent) -> CurrentEvent:
    """Calls the broker, outside of any transaction: about the step that was recorded, or at first for its mark."""
    if current.account is None:
        return current
    broker = worker.broker(current.account)
    answers = (
        _ask_for_mark(broker)
        if current.pending is None
        else current.answers.then(_ask(worker, current, current.pending))
    )
    handle = worker.handles[current.account] = BrokerHandle(broker, broker.capabilities)
    return replace(current, handle=handle, answers=answers)


def _ask_for_mark(broker: Broker) -> BrokerAnswers:
    """The mark is asked for ahead of the first decision: most events place an order, and so save a commit."""
    said = broker_calls.ask_mark(broker)
    return BrokerAnswers(mark=said.mark, marked=True) if isinstance(said, MarkAnswer) else BrokerAnswers(last=said)


def _ask(worker: WorkerContext, current: CurrentEvent, pending: PendingBrokerCall) -> BrokerAnswer:
    if current.handle is None:
        raise ValueError(f"{pending.step!r} was recorded for a broker that nobody has spoken to.")
    broker, promises = current.handle.broker, current.handle.promises
    if isinstance(pending.step, AskMarket):
        return broker_calls.ask_market(broker, pending.step.symbol, pending.at)
    if isinstance(pending.step, AskMark):
        return broker_calls.ask_mark(broker)
    if pending.order is None:
        raise ValueError(f"{pending.step!r} was recorded without an order.")
    if isinstance(pending.step, LookUp):
        limits = transaction.limits_of(worker, current.handle)
        return broker_calls.look_up(broker, pending.situation, pending.order, pending.at, limits)
    if not current.lease.covers(promises.deadline_seconds, worker.monotonic()):
        return NotSent(pending.order, "The lease would have ended before the answer.", None)
    answer = broker_calls.submit(broker, pending.situation, pending.order)
    _log(current.event, pending.step)  # not before: no order waits for a line of the log
    return answer


def _go_on_while_leased(worker: WorkerContext, current: CurrentEvent) -> TransactionResult:
    """One transaction, tried again while the database is away and the lease lasts: a broker's answer must not be lost.

    A commit that raised may have been applied. Then the next try finds its work done, and goes on from there: only the
    first try may assume that nothing has changed since the broker was asked.
    """
    for attempt in Retrying(
        retry=retry_if_exception_type(DATABASE_ERRORS),
        wait=wait_exponential_jitter(multiplier=0.1, max=2.0),
        stop=lambda _: not current.lease.covers(0, worker.monotonic()),
        sleep=worker.pause,
        reraise=True,
    ):
        with attempt:
            believed = current if attempt.retry_state.attempt_number == 1 else replace(current, pending=None)
            return _transact(worker, partial(transaction.go_on, current=believed))
    raise LeaseLost("The lease ran out while the database was away.")


def _transact(worker: WorkerContext, work: Callable[[TransactionContext], TransactionResult]) -> TransactionResult:
    """One transaction, and then its announcements. Where a following event makes it raise, it is run without that
    event.

    A broker's answer must not be lost for the sake of the event after it.
    """
    try:
        result = _commit(worker, work, ahead=True)
    except (LeaseLost, *DATABASE_ERRORS):
        raise
    except Exception:
        log.warning("A transaction failed, and is run with one event alone.", action="turn_failed", exc_info=True)
        result = _commit(worker, work, ahead=False)
    _announce_all(worker, result)
    return result


def _announce_all(worker: WorkerContext, result: TransactionResult) -> None:
    for each in result.taken:
        _announce(worker, each)
    if result.waiting is not None and result.waiting.waiting is not None and result.waiting.next_at is not None:
        worker.wake(result.waiting.waiting, result.waiting.next_at)


def _commit(
    worker: WorkerContext, work: Callable[[TransactionContext], TransactionResult], ahead: bool
) -> TransactionResult:
    with worker.slot() as committing:
        monotonic, stopping = worker.monotonic(), worker.stopping()
        with worker.sessions.begin() as session:
            result = work(TransactionContext(session, worker, worker.clock(session), monotonic, stopping, ahead))
            committing()
        return result


def _announce(worker: WorkerContext, taken: StepTaken) -> None:
    """Announces a finished event to waiting requests; wakes an event that waits at the time it is due."""
    step = taken.step
    if not isinstance(step, SubmitNew | Resubmit):
        _log(taken.event, step)
    if isinstance(step, Finish) and taken.awaited:
        worker.announce(taken.event)
    if taken.due is not None:
        worker.wake(taken.event, taken.due)


def _log(event: EventId, step: Step) -> None:
    log.info(_sentence(step), action="step", event_id=event, step=type(step).__name__.lower())


def _wait_for_settings(worker: WorkerContext, current: CurrentEvent, reason: str) -> None:
    with worker.sessions.begin() as session:
        now = worker.clock(session)
        leases.renew(session, current.lease, now, worker.monotonic())
        until = now + timedelta(seconds=SETTINGS_SECONDS)
        states.wait(session, current.event, until, reason)
        leases.release(session, current.lease)
    worker.wake(current.event, until)


def _postpone(worker: WorkerContext, current: CurrentEvent, reason: str) -> None:
    with worker.sessions.begin() as session:
        now = worker.clock(session)
        leases.renew(session, current.lease, now, worker.monotonic())
        failures = states.failures(session, current.event) + 1
        until = retry.next_attempt(now, failures, None, worker.jitter())
        states.fail(session, current.event, until, reason)
        if failures >= FAILURES_BEFORE_PARKING:
            states.park(session, current.event, f"It made our code fail {failures} times. {reason}")
        leases.release(session, current.lease)
    worker.wake(current.event, until)


def _sentence(step: Step) -> str:
    """The step as a sentence for the log."""
    match step:
        case Finish(state, refusal):
            return f"Event is {state}." if refusal is None else f"Event is refused: {refusal.error}."
        case WaitUntil(reason=reason) | Retry(reason=reason) | Park(reason=reason):
            return f"Event waits. {reason}"
        case SubmitNew(leg=leg, side=side, quantity=quantity, symbol=symbol):
            return f"Sent the {leg} leg: {side} {quantity} {symbol}."
        case Resubmit(order=order):
            return f"Sent the {order.leg} leg again."
        case LookUp(order=order):
            return f"Asking the broker about the {order.leg} leg."
        case AskMarket(symbol=symbol):
            return f"Asking the broker whether {symbol} trades now."
        case AskMark():
            return "Asking the broker for its mark."
        case Withdraw(order=order):
            return f"The {order.leg} leg was never sent, and is not needed any more."
        case WriteOff():
            return "The broker does not hold the position; the ledger follows."
