"""One transaction of a worker: records the broker's answer, and decides until the broker has to be called again."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from shared.database.engine import not_durable
from shared.domain import AccountId, EventId, EventState
from shared.inbox import states
from shared.inbox.states import Due
from shared.ledger import full_fill
from shared.situation.load import load_situation, take_next_with_situation
from shared.situation.model import Order, Situation
from workers.decision import full_fill as ending
from workers.decision import planning
from workers.decision.open_checks import Limits
from workers.decision.steps import (
    AskMark,
    AskMarket,
    BrokerAnswers,
    Finish,
    LookUp,
    Park,
    Reported,
    Resubmit,
    Retry,
    Step,
    SubmitNew,
    WaitUntil,
    Withdraw,
    WriteOff,
)
from workers.execution import lease as leases
from workers.execution.context import BrokerHandle, WorkerContext
from workers.execution.lease import Lease
from workers.execution.recording import record_answer, record_step

LEASE_MARGIN_SECONDS = 5.0  # between the longest submit and the end of the lease
MOST_IN_A_ROW = 20  # events of one strategy while others wait for a thread; then it queues up again


@dataclass(frozen=True, slots=True)
class PendingBrokerCall:
    """The broker call that was recorded, at `at`. `order`: what is to be sent or looked up, if anything."""

    step: SubmitNew | Resubmit | LookUp | AskMarket | AskMark
    situation: Situation
    order: Order | None
    at: datetime


@dataclass(frozen=True, slots=True)
class CurrentEvent:
    """The event that a worker executes, the `number`-th in a row of its strategy.

    `account`: whose broker it needs; None where it needs none. `handle`: that broker, once it was called.
    `pending`: what the broker is to be asked about it; None where nothing was decided about it yet.
    """

    lease: Lease
    event: EventId
    account: AccountId | None
    handle: BrokerHandle | None
    number: int
    answers: BrokerAnswers = field(default_factory=BrokerAnswers)
    pending: PendingBrokerCall | None = None


@dataclass(frozen=True, slots=True)
class StepTaken:
    """A step that was decided about an event. `due`: when the event is due again, if it waits.

    `awaited`: with Finish, whether a request may wait for the outcome.
    """

    event: EventId
    step: Step
    due: datetime | None = None
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class TransactionResult:
    """What one transaction has done. `current`: the event to go on with; None where the lease was released, or never
    ours.

    `waiting`: the event that the strategy waits for, and from when it is due.
    """

    current: CurrentEvent | None
    taken: tuple[StepTaken, ...] = ()
    waiting: Due | None = None


@dataclass(frozen=True, slots=True)
class TransactionContext:
    """What is the same for everything in one transaction. `monotonic`: from before it was begun, in seconds.

    `ahead`: whether it may go on to decide about the events that follow the one in hand.
    """

    session: Session
    worker: WorkerContext
    now: datetime
    monotonic: float
    stopping: bool
    ahead: bool


def begin(t: TransactionContext, event: EventId) -> TransactionResult:
    """Leases the strategy of the event, and takes up what is due; nothing where another worker has the lease.

    A transaction that decides nothing is not flushed: the first intent flushes it too, and before that nothing was
    sent.
    """
    lease = leases.claim(t.session, event, t.worker.owner(), t.now, t.worker.lease, t.monotonic)
    if lease is None:
        return TransactionResult(None)
    result = _take_next(t, CurrentEvent(lease, event, None, None, number=0), ())
    _skip_flush(t, result)
    return result


def go_on(t: TransactionContext, current: CurrentEvent) -> TransactionResult:
    """Records the broker's answer, and decides what it means for the event, and for those that follow."""
    current = replace(current, lease=_renewed(t, current.lease, current.handle))
    ended = _record_full_fill(t, current)
    if ended is not None:
        return _take_next(t, current, (ended,))
    if current.answers.last is not None:
        record_answer(t.session, current.answers.last, t.now)
    result = _decide(t, current, ())
    if current.answers.last is None:
        _skip_flush(t, result)
    return result


def limits_of(worker: WorkerContext, handle: BrokerHandle | None) -> Limits:
    """The times that decisions go by."""
    if handle is None:
        return Limits(worker.open_max_age, worker.reorder_grace, settle=0.0)
    return Limits(worker.open_max_age, worker.reorder_grace, handle.promises.settle_seconds, handle.promises.marks)


def _take_next(t: TransactionContext, current: CurrentEvent, taken: tuple[StepTaken, ...]) -> TransactionResult:
    """Takes up the next event after one that has ended or waits; or, when nothing is due, releases the lease.

    The strategy's row is locked: either there is work, or the receiver finds the strategy free. The next event is
    decided in this transaction where that needs no call: its broker was called before, and has no marks or has told its
    mark to the event before.
    """
    due, situation = _due_or_release(t, current)
    if due.event is None:
        return TransactionResult(None, taken, due)
    handle = t.worker.handles.get(due.account) if due.account is not None else None
    account = due.account if due.trades else None
    current = CurrentEvent(current.lease, due.event, account, handle, current.number + 1, _known_mark(current))
    if situation is None or not _can_be_decided(current):
        return TransactionResult(current, taken)
    return _decide_in(t, replace(current, lease=_long_enough(t, current)), situation, taken)


def _due_or_release(t: TransactionContext, current: CurrentEvent) -> tuple[Due, Situation | None]:
    """What is due, and its situation if we may go on to it. After many in a row it is left to a doorbell of its own."""
    strategy, situation = current.lease.strategy, None
    if t.stopping:
        due = Due(None)
    elif current.number >= MOST_IN_A_ROW:
        due = states.next_due(t.session, strategy, t.now)
        due = due if due.event is None else Due(None, next_at=t.now, waiting=due.event)
    elif t.ahead:
        due, situation = take_next_with_situation(t.session, strategy, t.now)
    else:
        due = states.take_next(t.session, strategy, t.now)
    if due.event is None:
        leases.release(t.session, current.lease)
    return due, situation


def _known_mark(before: CurrentEvent) -> BrokerAnswers:
    """What is known of the broker from the event before: an older mark only makes a look-up look at more."""
    return BrokerAnswers(mark=before.answers.mark, marked=before.answers.marked)


def _can_be_decided(current: CurrentEvent) -> bool:
    if current.account is None:
        return True
    return current.handle is not None and (current.answers.marked or not current.handle.promises.marks)


def _long_enough(t: TransactionContext, current: CurrentEvent) -> Lease:
    """The lease of a claim was made before it was known how long the broker may take."""
    enough = _lease_seconds(t.worker, current.handle) <= current.lease.seconds
    return current.lease if enough else _renewed(t, current.lease, current.handle)


def _decide(t: TransactionContext, current: CurrentEvent, taken: tuple[StepTaken, ...]) -> TransactionResult:
    """An event that is no longer being executed has ended, waits or is parked: a commit that raised was applied."""
    situation = load_situation(t.session, current.event)
    if situation.task.state is not EventState.EXECUTING:
        return _take_next(t, current, taken)
    return _decide_in(t, current, situation, taken)


def _decide_in(
    t: TransactionContext, current: CurrentEvent, situation: Situation, taken: tuple[StepTaken, ...]
) -> TransactionResult:
    step = planning.next_step(situation, current.answers, t.now, limits_of(t.worker, current.handle))
    if t.stopping and isinstance(step, SubmitNew | Resubmit):
        step = WaitUntil(t.now, "The worker stops; another one goes on.")
    return _record(t, current, situation, step, taken)


def _record(
    t: TransactionContext, current: CurrentEvent, situation: Situation, step: Step, taken: tuple[StepTaken, ...]
) -> TransactionResult:
    mark, leased = current.answers.mark, current.lease.seconds
    recorded = record_step(t.session, situation, step, mark, t.now, leased, t.worker.jitter())
    due = recorded if isinstance(recorded, datetime) else None
    taken = (*taken, StepTaken(current.event, step, due, awaited=recorded is True))
    match step:
        case WriteOff() | Withdraw():
            return _decide(t, current, taken)
        case Finish() | WaitUntil() | Retry() | Park():
            return _take_next(t, current, taken)
        case SubmitNew() | Resubmit() | LookUp() | AskMarket() | AskMark():
            order = recorded if isinstance(recorded, Order) else None
            return TransactionResult(replace(current, pending=PendingBrokerCall(step, situation, order, t.now)), taken)


def _record_full_fill(t: TransactionContext, current: CurrentEvent) -> StepTaken | None:
    """The end of the event, where the answer is that: the order is filled, and nothing is left to decide.

    That is most of what ever happens, and takes one statement instead of six and a look at everything. Where anything
    is otherwise than it was when the order was sent, nothing is written: the answer is recorded as any other.
    """
    said, asked = current.answers.last, current.pending
    if asked is None or asked.order is None or not isinstance(said, Reported):
        return None
    if not ending.is_complete_fill(asked.situation, asked.order, said.report):
        return None
    answered = full_fill.record_full_fill(t.session, asked.order, said.report, t.now)
    return None if answered is None else StepTaken(current.event, ending.DONE, awaited=not answered)


def _renewed(t: TransactionContext, lease: Lease, handle: BrokerHandle | None) -> Lease:
    return leases.renew(t.session, replace(lease, seconds=_lease_seconds(t.worker, handle)), t.now, t.monotonic)


def _lease_seconds(worker: WorkerContext, handle: BrokerHandle | None) -> float:
    """For how long a strategy is leased. The answer must come before the lease can end."""
    deadline = handle.promises.deadline_seconds if handle is not None else 0.0
    return max(worker.lease, deadline + LEASE_MARGIN_SECONDS)


def _skip_flush(t: TransactionContext, result: TransactionResult) -> None:
    """Commits without a flush, where only the lease was written (asynchronous commit)."""
    if all(isinstance(each.step, AskMarket | AskMark) for each in result.taken):
        not_durable(t.session)
