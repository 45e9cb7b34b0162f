"""Executes the events of one strategy, in order: the story of an event from the doorbell to its outcome."""

import itertools
from dataclasses import dataclass, replace
from datetime import datetime

import structlog
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.orm import Session
from tenacity import Retrying, retry_if_exception_type, wait_exponential_jitter

from shared import progress
from shared.assessment import assess
from shared.db import not_durable
from shared.domain import AccountId, EventId, EventState
from shared.errors import LeaseLost
from shared.progress import Due
from shared.situation import Order, Situation
from workers import conversation, planning, retry
from workers import lease as leases
from workers.brokers.base import Broker
from workers.denials import Limits
from workers.lease import Lease
from workers.recording import record_answer, record_step
from workers.steps import (
    Answer,
    AskMarket,
    Finish,
    Heard,
    LookUp,
    NotSent,
    Park,
    Place,
    Retry,
    Send,
    Step,
    WaitUntil,
    Withdraw,
    WriteOff,
)
from workers.workbench import Workbench

log = structlog.get_logger()

FAILURES_BEFORE_PARKING = 8
LEASE_MARGIN_SECONDS = 5.0  # between the longest submit and the end of the lease
MOST_IN_A_ROW = 20  # events of one strategy while others wait for a thread; then it queues up again
DATABASE_ERRORS = (OperationalError, InterfaceError, InternalError)  # the last: we froze in a transaction


@dataclass(frozen=True, slots=True)
class Turn:
    """What one transaction decided and recorded. `order`: what is to be sent or looked up; `due`: when to come back.

    `awaited`: with Finish, whether a request may wait for the outcome. `following`: what the same transaction has taken
    up next, where the event is over for now.
    """

    step: Step
    situation: Situation
    at: datetime
    order: Order | None = None
    due: datetime | None = None
    awaited: bool = True
    following: Due | None = None


def run(bench: Workbench, rung: EventId) -> None:
    """Answers a doorbell: executes what is due of the event's strategy until nothing is.

    1. Lease the strategy. If somebody has it, that one will find the event: go.
    2. Take the first due event up, in the transaction that looks for it.
    3. Execute it: decide and record in one transaction, then speak with the broker outside of any, and so on.
    4. The transaction that ends an event takes the next one up; or, when nothing is due, lets go under the lock that
       the receiver takes too.
    """
    begun = _claim(bench, rung)
    if begun is None:
        return
    lease, due = begun
    try:
        for number in itertools.count(1):
            if due.event is None:
                return
            account = due.account if due.trades else None
            due = _execute_or_set_aside(bench, lease, due.event, account, enough=number >= MOST_IN_A_ROW)
    except LeaseLost as lost:
        log.warning("Another worker has taken over.", action="lease_lost", strategy=lease.strategy, reason=str(lost))


def _claim(bench: Workbench, rung: EventId) -> tuple[Lease, Due] | None:
    """Need not be durable: what it says is flushed with the first intent, and before that nothing was sent."""
    monotonic, stopping = bench.monotonic(), bench.stopping()
    with bench.sessions.begin() as session:
        not_durable(session)
        now = bench.clock(session)
        lease = leases.claim(session, rung, bench.owner(), now, bench.lease, monotonic)
        due = _due_or_release(session, lease, now, stopping) if lease is not None else None
    if lease is None or due is None:
        return None
    _wake_later(bench, due)
    return lease, due


def _take_up_next(bench: Workbench, lease: Lease) -> Due:
    stopping = bench.stopping()
    with bench.sessions.begin() as session:
        now = bench.clock(session)
        leases.renew(session, lease, now, bench.monotonic())
        due = _due_or_release(session, lease, now, stopping)
    _wake_later(bench, due)
    return due


def _due_or_release(session: Session, lease: Lease, now: datetime, stopping: bool, enough: bool = False) -> Due:
    """The strategy's row is locked: either there is work, or the receiver finds the strategy free.

    `enough`: work that is due is left to a doorbell of its own.
    """
    due = Due(None) if stopping else progress.next_due(session, lease.strategy, now)
    if due.event is not None and enough:
        due = Due(None, next_at=now, waiting=due.event)
    if due.event is None:
        leases.release(session, lease)
    else:
        progress.take_up(session, due.event, now)
    return due


def _wake_later(bench: Workbench, due: Due) -> None:
    if due.waiting is not None and due.next_at is not None:
        bench.wake(due.waiting, due.next_at)


def _execute_or_set_aside(
    bench: Workbench, lease: Lease, event: EventId, account: AccountId | None, enough: bool
) -> Due:
    """One event that makes our code raise must not stop the others: it is set aside, and parked in the end.

    A database that is away is no fault of the event's: the lease runs out, and the sweep rings again.
    """
    try:
        return _execute(bench, lease, event, account, enough)
    except (LeaseLost, *DATABASE_ERRORS):
        raise
    except Exception as error:
        log.exception("An event could not be executed.", action="event_failed", event_id=event)
        _set_aside(bench, lease, event, f"{type(error).__name__}: see the log.")
        raise


def _execute(bench: Workbench, lease: Lease, event: EventId, account: AccountId | None, enough: bool) -> Due:
    """Executes the event as far as it can be now, and returns what is due after it."""
    broker = bench.broker(account) if account is not None else None
    heard = conversation.ask_mark(broker) if broker is not None else Heard()
    while True:
        lease, turn = _take_turn(bench, lease, event, heard, broker, enough)
        if turn is None:
            return _take_up_next(bench, lease)
        log.info(_told(turn.step), action="step", event_id=event, step=type(turn.step).__name__.lower())
        if turn.following is not None:
            _tell(bench, event, turn)
            _wake_later(bench, turn.following)
            return turn.following
        if not isinstance(turn.step, WriteOff | Withdraw):
            heard = heard.then(_converse(bench, lease, turn, broker))


def _tell(bench: Workbench, event: EventId, turn: Turn) -> None:
    """The event is over for now: those who wait for it are told, or it is woken when it is due again."""
    if isinstance(turn.step, Finish) and turn.awaited:
        bench.announce(event)
    if turn.due is not None:
        bench.wake(event, turn.due)


def _take_turn(
    bench: Workbench, lease: Lease, event: EventId, heard: Heard, broker: Broker | None, enough: bool
) -> tuple[Lease, Turn | None]:
    """One turn, tried again while the database is away and the lease lasts: an answer that we have must not be lost.

    A commit that raised may have been applied. Then the turn finds its own work done, and goes on from there: an event
    that is no longer being executed has ended, waits or is parked, and this take-up of it is over.
    """
    for attempt in Retrying(
        retry=retry_if_exception_type(DATABASE_ERRORS),
        wait=wait_exponential_jitter(multiplier=0.1, max=2.0),
        stop=lambda _: not lease.covers(0, bench.monotonic()),
        sleep=bench.pause,
        reraise=True,
    ):
        with attempt:
            return _take_turn_once(bench, lease, event, heard, broker, enough)
    raise LeaseLost("The lease ran out while the database was away.")


def _take_turn_once(
    bench: Workbench, lease: Lease, event: EventId, heard: Heard, broker: Broker | None, enough: bool
) -> tuple[Lease, Turn | None]:
    monotonic, stopping = bench.monotonic(), bench.stopping()
    limits = _limits(bench, broker)
    deadline = broker.capabilities.deadline_seconds if broker is not None else 0.0
    seconds = max(bench.lease, deadline + LEASE_MARGIN_SECONDS)  # the answer must come before the lease can end
    with bench.sessions.begin() as session:
        now = bench.clock(session)
        renewed = leases.renew(session, replace(lease, seconds=seconds), now, monotonic)
        if heard.last is not None:
            record_answer(session, heard.last, now)
        situation = assess(session, event)
        if situation.task.state is not EventState.EXECUTING:
            return renewed, None
        step = planning.next_step(situation, heard, now, limits)
        if stopping and isinstance(step, Place | Send):
            step = WaitUntil(now, "The worker stops; another one goes on.")
        recorded = record_step(session, situation, step, heard.mark, now, seconds, bench.jitter())
        if isinstance(step, AskMarket) and heard.last is None:
            not_durable(session)  # nothing was written down but the lease
        over = isinstance(step, Finish | WaitUntil | Retry | Park)
        following = _due_or_release(session, renewed, now, stopping, enough) if over else None
    order = recorded if isinstance(recorded, Order) else None
    due = recorded if isinstance(recorded, datetime) else None
    return renewed, Turn(step, situation, now, order, due, recorded is not False, following)


def _converse(bench: Workbench, lease: Lease, turn: Turn, broker: Broker | None) -> Answer:
    """Speaks with the broker about what the turn has recorded. No transaction is open here."""
    if broker is None:
        raise ValueError(f"{turn.step!r} needs a broker, and the event is no signal.")
    if isinstance(turn.step, AskMarket):
        return conversation.ask_market(broker, turn.step.symbol, turn.at)
    if turn.order is None:
        raise ValueError(f"{turn.step!r} was recorded without an order.")
    if isinstance(turn.step, LookUp):
        return conversation.look_up(broker, turn.situation, turn.order, turn.at, _limits(bench, broker))
    if not lease.covers(broker.capabilities.deadline_seconds, bench.monotonic()):
        return NotSent(turn.order, "The lease would have ended before the answer.", None)
    return conversation.submit(broker, turn.situation, turn.order)


def _limits(bench: Workbench, broker: Broker | None) -> Limits:
    settle = broker.capabilities.settle_seconds if broker is not None else 0.0
    return Limits(bench.open_max_age, bench.reorder_grace, settle)


def _set_aside(bench: Workbench, lease: Lease, event: EventId, reason: str) -> None:
    with bench.sessions.begin() as session:
        now = bench.clock(session)
        leases.renew(session, lease, now, bench.monotonic())
        failures = progress.failures(session, event) + 1
        until = retry.next_attempt(now, failures, None, bench.jitter())
        progress.fail(session, event, until, reason)
        if failures >= FAILURES_BEFORE_PARKING:
            progress.park(session, event, f"It made our code fail {failures} times. {reason}")
        leases.release(session, lease)
    bench.wake(event, until)


def _told(step: Step) -> str:
    """The step as a sentence for the log."""
    match step:
        case Finish(state, refusal):
            return f"Event is {state}." if refusal is None else f"Event is refused: {refusal.error}."
        case WaitUntil(reason=reason) | Retry(reason=reason) | Park(reason=reason):
            return f"Event waits. {reason}"
        case Place(leg=leg, side=side, quantity=quantity, symbol=symbol):
            return f"Sending the {leg} leg: {side} {quantity} {symbol}."
        case Send(order=order):
            return f"Sending the {order.leg} leg again."
        case LookUp(order=order):
            return f"Asking the broker about the {order.leg} leg."
        case AskMarket(symbol=symbol):
            return f"Asking the broker whether {symbol} trades now."
        case Withdraw(order=order):
            return f"The {order.leg} leg was never sent, and is not needed any more."
        case WriteOff():
            return "The broker does not hold the position; the ledger follows."
