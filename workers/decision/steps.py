"""The closed set of steps that an event can need next, and the closed set of a broker's answers. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from shared.domain import AlertKind, Direction, EventState, Leg, Refusal, SkipReason
from shared.situation.model import Order
from workers.brokers.base import OrderRejected, OrderReport


@dataclass(frozen=True, slots=True)
class Finish:
    """The event has ended. `alert` is what a person should know about it, with `note` in words.

    `confirms`: the position that is held as of this event from now on.
    """

    state: EventState
    refusal: Refusal | None = None
    skip: SkipReason | None = None
    alert: AlertKind | None = None
    note: str = ""
    confirms: int | None = None


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """Nothing can be done before `at`."""

    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again later; the `attempt`-th time, and not before `retry_after` seconds where such a time was named.

    It is named by a broker that asks for patience, and by our own budget of requests. `leg`: what has to wait, where
    the broker was to be asked for that leg's sake. `faulty`: the adapter has broken its contract; that is counted.
    """

    attempt: int
    retry_after: float | None
    reason: str
    leg: Leg | None = None
    faulty: bool = False


@dataclass(frozen=True, slots=True)
class Park:
    """Only a person can settle this."""

    reason: str


@dataclass(frozen=True, slots=True)
class SubmitNew:
    """Commit the intent of a new order, then send it. `position_id` is what a close leg closes."""

    leg: Leg
    generation: int
    symbol: str
    ticker: str
    side: Direction
    quantity: Decimal
    position_id: int | None = None


@dataclass(frozen=True, slots=True)
class Resubmit:
    """Send an order again that is proven not to have reached the broker."""

    order: Order


@dataclass(frozen=True, slots=True)
class LookUp:
    """Ask the broker what became of an order that may have reached it."""

    order: Order


@dataclass(frozen=True, slots=True)
class AskMarket:
    """Ask the broker whether a market order in `symbol` would be executed now."""

    symbol: str


@dataclass(frozen=True, slots=True)
class AskMark:
    """Ask the broker for its mark: an order that needs one to be looked up does not leave without it."""


@dataclass(frozen=True, slots=True)
class WriteOff:
    """The broker does not hold what the ledger holds: close the position in the ledger, and decide again."""

    position_id: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """An order that never reached the broker is no longer meant: cancel it in the ledger, and decide again."""

    order: Order


Step = Finish | WaitUntil | Retry | Park | SubmitNew | Resubmit | LookUp | AskMarket | AskMark | WriteOff | Withdraw


@dataclass(frozen=True, slots=True)
class Reported:
    """The broker has the order; `report` is what it says about it."""

    order: Order
    report: OrderReport


@dataclass(frozen=True, slots=True)
class Rejected:
    """The broker has definitively refused the order."""

    order: Order
    rejection: OrderRejected


@dataclass(frozen=True, slots=True)
class NotSent:
    """The order is proven not to have been accepted."""

    order: Order
    reason: str
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class SubmitUnknown:
    """The submit ended without evidence: the order may or may not be at the broker."""

    order: Order
    reason: str


@dataclass(frozen=True, slots=True)
class LookupInconclusive:
    """The look-up proves nothing: the order may or may not be at the broker."""

    order: Order
    reason: str


@dataclass(frozen=True, slots=True)
class LookupNotMade:
    """The look-up is proven not to have been made: nothing has changed, and it counts for nothing."""

    order: Order
    reason: str
    retry_after: float | None


@dataclass(frozen=True, slots=True)
class ProvenAbsent:
    """The broker looked and does not have the order, and it is late enough for that to be a proof."""

    order: Order


@dataclass(frozen=True, slots=True)
class MarketAnswer:
    """The answer to AskMarket: whether the market is open."""

    symbol: str
    open: bool


@dataclass(frozen=True, slots=True)
class MarkAnswer:
    """The answer to AskMark. None: the broker needs none."""

    mark: str | None


@dataclass(frozen=True, slots=True)
class Unreachable:
    """The broker could not answer a question that must be answered before an order is placed.

    `faulty`: not because it could not be asked, but because the adapter raised what it must not raise there.
    `refused`: it was asked, and refused the account's keys: no order would get through.
    """

    reason: str
    retry_after: float | None
    faulty: bool = False
    refused: bool = False


BrokerAnswer = (
    Reported
    | Rejected
    | NotSent
    | SubmitUnknown
    | LookupInconclusive
    | LookupNotMade
    | ProvenAbsent
    | MarketAnswer
    | MarkAnswer
    | Unreachable
)


@dataclass(frozen=True, slots=True)
class BrokerAnswers:
    """The broker's answers while the event is executed: the last one, which markets are open, the mark.

    `marked`: the broker has answered the question for its mark; until then `mark` says nothing.
    """

    last: BrokerAnswer | None = None
    markets: Mapping[str, bool] = field(default_factory=dict)
    mark: str | None = None
    marked: bool = False

    def then(self, answer: BrokerAnswer) -> "BrokerAnswers":
        """This, and one more answer."""
        match answer:
            case MarketAnswer(symbol, is_open):
                return replace(self, last=answer, markets={**self.markets, symbol: is_open})
            case MarkAnswer(mark):
                return replace(self, last=answer, mark=mark, marked=True)
            case _:
                return replace(self, last=answer)
