"""One transaction of a worker: writes down what was heard, and decides until the broker has to be asked again."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from shared.database.engine import not_durable
from shared.domain import AccountId, EventId, EventState
from shared.inbox import states
from shared.inbox.states import Due
from shared.ledger import full_fill
from shared.situation.load import assess, take_and_assess
from shared.situation.model import Order, Situation
from workers.decision import full_fill as ending
from workers.decision import planning
from workers.decision.open_checks import Limits
from workers.decision.steps import (
    AskMark,
    AskMarket,
    Finish,
    Heard,
    LookUp,
    Park,
    Place,
    Reported,
    Retry,
    Send,
    Step,
    WaitUntil,
    Withdraw,
    WriteOff,
)
from workers.execution import lease as leases
from workers.execution.context import AtHand, Workbench
from workers.execution.lease import Lease
from workers.execution.recording import record_answer, record_step

LEASE_MARGIN_SECONDS = 5.0  # between the longest submit and the end of the lease
MOST_IN_A_ROW = 20  # events of one strategy while others wait for a thread; then it queues up again


@dataclass(frozen=True, slots=True)
class Asking:
    """What was committed to be asked of the broker, at `at`. `order`: what is to be sent or looked up, if anything."""

    step: Place | Send | LookUp | AskMarket | AskMark
    situation: Situation
    order: Order | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Hand:
    """The event that a worker has in hand, the `number`-th in a row of its strategy.

    `account`: whose broker it needs; None where it needs none. `at_hand`: that broker, once it was spoken to.
    `asking`: what the broker is to be asked about it; None where nothing was decided about it yet.
    """

    lease: Lease
    event: EventId
    account: AccountId | None
    at_hand: AtHand | None
    number: int
    heard: Heard = field(default_factory=Heard)
    asking: Asking | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """A step that was decided about an event. `due`: when the event is due again, if it waits.

    `awaited`: with Finish, whether a request may wait for the outcome.
    """

    event: EventId
    step: Step
    due: datetime | None = None
    awaited: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What one transaction has done. `hand`: with what to go on; None where the strategy was let go, or never ours.

    `waiting`: the event that the strategy waits for, and from when it is due.
    """

    hand: Hand | None
    decided: tuple[Decided, ...] = ()
    waiting: Due | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is the same for everything in one transaction. `monotonic`: from before it was begun, in seconds.

    `ahead`: whether it may go on to decide about the events that follow the one in hand.
    """

    session: Session
    bench: Workbench
    now: datetime
    monotonic: float
    stopping: bool
    ahead: bool


def begin(t: Transaction, rung: EventId) -> Turn:
    """Leases the strategy of the event that was rung, and takes up what is due. Somebody else has it: nothing to do.

    Where it decides nothing it need not be durable: what it says is flushed with the first intent, and before that
    nothing was sent.
    """
    lease = leases.claim(t.session, rung, t.bench.owner(), t.now, t.bench.lease, t.monotonic)
    if lease is None:
        return Turn(None)
    turn = _take_next(t, Hand(lease, rung, None, None, number=0), ())
    _spare_the_disk(t, turn)
    return turn


def go_on(t: Transaction, hand: Hand) -> Turn:
    """Writes down what the broker has said, decides what it means for the event in hand, and so on."""
    hand = replace(hand, lease=_renewed(t, hand.lease, hand.at_hand))
    ended = _ended_whole(t, hand)
    if ended is not None:
        return _take_next(t, hand, (ended,))
    if hand.heard.last is not None:
        record_answer(t.session, hand.heard.last, t.now)
    turn = _decide(t, hand, ())
    if hand.heard.last is None:
        _spare_the_disk(t, turn)
    return turn


def limits_of(bench: Workbench, at_hand: AtHand | None) -> Limits:
    """The times that decisions go by."""
    if at_hand is None:
        return Limits(bench.open_max_age, bench.reorder_grace, settle=0.0)
    return Limits(bench.open_max_age, bench.reorder_grace, at_hand.promises.settle_seconds, at_hand.promises.marks)


def _take_next(t: Transaction, hand: Hand, decided: tuple[Decided, ...]) -> Turn:
    """The event is over for now. Takes up the next one; or, when nothing is due, lets go.

    The strategy's row is locked: either there is work, or the receiver finds the strategy free. The next event is
    decided at once where nobody has to be asked for that: a broker that was spoken to before, and one that looks orders
    up without a mark, or has told its mark to the event before.
    """
    due, situation = _due_or_release(t, hand)
    if due.event is None:
        return Turn(None, decided, due)
    at_hand = t.bench.at_hand.get(due.account) if due.account is not None else None
    account = due.account if due.trades else None
    hand = Hand(hand.lease, due.event, account, at_hand, hand.number + 1, _first_heard(hand))
    if situation is None or not _can_be_decided(hand):
        return Turn(hand, decided)
    return _decide_in(t, replace(hand, lease=_long_enough(t, hand)), situation, decided)


def _due_or_release(t: Transaction, hand: Hand) -> tuple[Due, Situation | None]:
    """What is due, and its situation if we may go on to it. After many in a row it is left to a doorbell of its own."""
    strategy, situation = hand.lease.strategy, None
    if t.stopping:
        due = Due(None)
    elif hand.number >= MOST_IN_A_ROW:
        due = states.next_due(t.session, strategy, t.now)
        due = due if due.event is None else Due(None, next_at=t.now, waiting=due.event)
    elif t.ahead:
        due, situation = take_and_assess(t.session, strategy, t.now)
    else:
        due = states.take_next(t.session, strategy, t.now)
    if due.event is None:
        leases.release(t.session, hand.lease)
    return due, situation


def _first_heard(before: Hand) -> Heard:
    """What is known of the broker from the event before: an older mark only makes a look-up look at more."""
    return Heard(mark=before.heard.mark, marked=before.heard.marked)


def _can_be_decided(hand: Hand) -> bool:
    if hand.account is None:
        return True
    return hand.at_hand is not None and (hand.heard.marked or not hand.at_hand.promises.marks)


def _long_enough(t: Transaction, hand: Hand) -> Lease:
    """The lease of a claim was made before it was known how long the broker may take."""
    enough = _lease_seconds(t.bench, hand.at_hand) <= hand.lease.seconds
    return hand.lease if enough else _renewed(t, hand.lease, hand.at_hand)


def _decide(t: Transaction, hand: Hand, decided: tuple[Decided, ...]) -> Turn:
    """An event that is no longer being executed has ended, waits or is parked: a commit that raised was applied."""
    situation = assess(t.session, hand.event)
    if situation.task.state is not EventState.EXECUTING:
        return _take_next(t, hand, decided)
    return _decide_in(t, hand, situation, decided)


def _decide_in(t: Transaction, hand: Hand, situation: Situation, decided: tuple[Decided, ...]) -> Turn:
    step = planning.next_step(situation, hand.heard, t.now, limits_of(t.bench, hand.at_hand))
    if t.stopping and isinstance(step, Place | Send):
        step = WaitUntil(t.now, "The worker stops; another one goes on.")
    return _record(t, hand, situation, step, decided)


def _record(t: Transaction, hand: Hand, situation: Situation, step: Step, decided: tuple[Decided, ...]) -> Turn:
    recorded = record_step(t.session, situation, step, hand.heard.mark, t.now, hand.lease.seconds, t.bench.jitter())
    due = recorded if isinstance(recorded, datetime) else None
    decided = (*decided, Decided(hand.event, step, due, awaited=recorded is True))
    match step:
        case WriteOff() | Withdraw():
            return _decide(t, hand, decided)
        case Finish() | WaitUntil() | Retry() | Park():
            return _take_next(t, hand, decided)
        case Place() | Send() | LookUp() | AskMarket() | AskMark():
            order = recorded if isinstance(recorded, Order) else None
            return Turn(replace(hand, asking=Asking(step, situation, order, t.now)), decided)


def _ended_whole(t: Transaction, hand: Hand) -> Decided | None:
    """The end of the event, where the answer is that: the order is filled, and nothing is left to decide.

    That is most of what ever happens, and takes one statement instead of six and a look at everything. Where anything
    is otherwise than it was when the order was sent, nothing is written: the answer is recorded as any other.
    """
    said, asked = hand.heard.last, hand.asking
    if asked is None or asked.order is None or not isinstance(said, Reported):
        return None
    if not ending.ends_whole(asked.situation, asked.order, said.report):
        return None
    answered = full_fill.filled_whole(t.session, asked.order, said.report, t.now)
    return None if answered is None else Decided(hand.event, ending.ENDED, awaited=not answered)


def _renewed(t: Transaction, lease: Lease, at_hand: AtHand | None) -> Lease:
    return leases.renew(t.session, replace(lease, seconds=_lease_seconds(t.bench, at_hand)), t.now, t.monotonic)


def _lease_seconds(bench: Workbench, at_hand: AtHand | None) -> float:
    """For how long a strategy is leased. The answer must come before the lease can end."""
    deadline = at_hand.promises.deadline_seconds if at_hand is not None else 0.0
    return max(bench.lease, deadline + LEASE_MARGIN_SECONDS)


def _spare_the_disk(t: Transaction, turn: Turn) -> None:
    """Where nothing was written down but who has the strategy."""
    if all(isinstance(each.step, AskMarket | AskMark) for each in turn.decided):
        not_durable(t.session)
