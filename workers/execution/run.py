"""Executes the events of one strategy, in order: the story of an event from the doorbell to its outcome."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import structlog
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from tenacity import Retrying, retry_if_exception_type, wait_exponential_jitter

from shared.domain import EventId
from shared.errors import LeaseLost
from shared.inbox import states
from workers.brokers.base import Broker
from workers.decision.steps import (
    Answer,
    AskMark,
    AskMarket,
    Finish,
    Heard,
    LookUp,
    MarkSaid,
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
from workers.execution import broker_calls, retry, transaction
from workers.execution import lease as leases
from workers.execution.context import AtHand, Workbench
from workers.execution.transaction import Asking, Decided, Hand, Transaction, Turn

log = structlog.get_logger()

FAILURES_BEFORE_PARKING = 8
DATABASE_ERRORS = (OperationalError, InterfaceError, InternalError)  # the last: we froze in a transaction


def execute_event(bench: Workbench, rung: EventId) -> None:
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
        turn = _transact(bench, partial(transaction.begin, rung=rung))
        while turn.hand is not None:
            turn = _go_on(bench, turn.hand)
    except LeaseLost as lost:
        log.warning("Another worker has taken over.", action="lease_lost", event_id=rung, reason=str(lost))


def _go_on(bench: Workbench, hand: Hand) -> Turn:
    """One event that makes our code raise must not stop the others: it is set aside, and parked in the end.

    A database that is away is no fault of the event's: the lease runs out, and the sweep rings again.
    """
    try:
        return _take_turn(bench, _converse(bench, hand))
    except (LeaseLost, *DATABASE_ERRORS):
        raise
    except Exception as error:
        log.exception("An event could not be executed.", action="event_failed", event_id=hand.event)
        _set_aside(bench, hand, f"{type(error).__name__}: see the log.")
        raise


def _converse(bench: Workbench, hand: Hand) -> Hand:
    """Speaks with the broker, outside of any transaction: about what was recorded; or, at first, how far it is."""
    if hand.account is None:
        return hand
    broker = bench.broker(hand.account)
    heard = _first_heard(broker) if hand.asking is None else hand.heard.then(_ask(bench, hand, hand.asking))
    at_hand = bench.at_hand[hand.account] = AtHand(broker, broker.capabilities)
    return replace(hand, at_hand=at_hand, heard=heard)


def _first_heard(broker: Broker) -> Heard:
    """The mark is asked for ahead of the first decision: most events place an order, and so save a commit."""
    said = broker_calls.ask_mark(broker)
    return Heard(mark=said.mark, marked=True) if isinstance(said, MarkSaid) else Heard(last=said)


def _ask(bench: Workbench, hand: Hand, asking: Asking) -> Answer:
    if hand.at_hand is None:
        raise ValueError(f"{asking.step!r} was recorded for a broker that nobody has spoken to.")
    broker, promises = hand.at_hand.broker, hand.at_hand.promises
    if isinstance(asking.step, AskMarket):
        return broker_calls.ask_market(broker, asking.step.symbol, asking.at)
    if isinstance(asking.step, AskMark):
        return broker_calls.ask_mark(broker)
    if asking.order is None:
        raise ValueError(f"{asking.step!r} was recorded without an order.")
    if isinstance(asking.step, LookUp):
        limits = transaction.limits_of(bench, hand.at_hand)
        return broker_calls.look_up(broker, asking.situation, asking.order, asking.at, limits)
    if not hand.lease.covers(promises.deadline_seconds, bench.monotonic()):
        return NotSent(asking.order, "The lease would have ended before the answer.", None)
    answer = broker_calls.submit(broker, asking.situation, asking.order)
    _log(hand.event, asking.step)  # not before: no order waits for a line of the log
    return answer


def _take_turn(bench: Workbench, hand: Hand) -> Turn:
    """One turn, tried again while the database is away and the lease lasts: an answer that we have must not be lost.

    A commit that raised may have been applied. Then the turn finds its own work done, and goes on from there: so only
    the first try believes that everything is as it was when the broker was asked.
    """
    for attempt in Retrying(
        retry=retry_if_exception_type(DATABASE_ERRORS),
        wait=wait_exponential_jitter(multiplier=0.1, max=2.0),
        stop=lambda _: not hand.lease.covers(0, bench.monotonic()),
        sleep=bench.pause,
        reraise=True,
    ):
        with attempt:
            believed = hand if attempt.retry_state.attempt_number == 1 else replace(hand, asking=None)
            return _transact(bench, partial(transaction.go_on, hand=believed))
    raise LeaseLost("The lease ran out while the database was away.")


def _transact(bench: Workbench, work: Callable[[Transaction], Turn]) -> Turn:
    """One transaction, and then its words. Where it raises over an event that follows, it is left to a turn of its own.

    An answer that we have must not be lost for the sake of the event after it.
    """
    try:
        turn = _commit(bench, work, ahead=True)
    except (LeaseLost, *DATABASE_ERRORS):
        raise
    except Exception:
        log.warning("A turn failed, and is tried with one event alone.", action="turn_failed", exc_info=True)
        turn = _commit(bench, work, ahead=False)
    _tell_all(bench, turn)
    return turn


def _tell_all(bench: Workbench, turn: Turn) -> None:
    for each in turn.decided:
        _tell(bench, each)
    if turn.waiting is not None and turn.waiting.waiting is not None and turn.waiting.next_at is not None:
        bench.wake(turn.waiting.waiting, turn.waiting.next_at)


def _commit(bench: Workbench, work: Callable[[Transaction], Turn], ahead: bool) -> Turn:
    with bench.lane() as committing:
        monotonic, stopping = bench.monotonic(), bench.stopping()
        with bench.sessions.begin() as session:
            turn = work(Transaction(session, bench, bench.clock(session), monotonic, stopping, ahead))
            committing()
        return turn


def _tell(bench: Workbench, decided: Decided) -> None:
    """Where the event is over for now, those who wait for it are told, or it is woken when it is due again."""
    step = decided.step
    if not isinstance(step, Place | Send):
        _log(decided.event, step)
    if isinstance(step, Finish) and decided.awaited:
        bench.announce(decided.event)
    if decided.due is not None:
        bench.wake(decided.event, decided.due)


def _log(event: EventId, step: Step) -> None:
    log.info(_told(step), action="step", event_id=event, step=type(step).__name__.lower())


def _set_aside(bench: Workbench, hand: Hand, reason: str) -> None:
    with bench.sessions.begin() as session:
        now = bench.clock(session)
        leases.renew(session, hand.lease, now, bench.monotonic())
        failures = states.failures(session, hand.event) + 1
        until = retry.next_attempt(now, failures, None, bench.jitter())
        states.fail(session, hand.event, until, reason)
        if failures >= FAILURES_BEFORE_PARKING:
            states.park(session, hand.event, f"It made our code fail {failures} times. {reason}")
        leases.release(session, hand.lease)
    bench.wake(hand.event, until)


def _told(step: Step) -> str:
    """The step as a sentence for the log."""
    match step:
        case Finish(state, refusal):
            return f"Event is {state}." if refusal is None else f"Event is refused: {refusal.error}."
        case WaitUntil(reason=reason) | Retry(reason=reason) | Park(reason=reason):
            return f"Event waits. {reason}"
        case Place(leg=leg, side=side, quantity=quantity, symbol=symbol):
            return f"Sent the {leg} leg: {side} {quantity} {symbol}."
        case Send(order=order):
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
