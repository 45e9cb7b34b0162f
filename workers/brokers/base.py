"""The contract that every broker adapter keeps. Pure: no I/O, no adapter, nothing of ours but the words."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol

from shared.accounts.instrument import Instrument
from shared.domain import BrokerOrderId, ClientOrderId, Direction, ErrorType, Leg
from shared.ledger.reports import Fill, OrderReport
from shared.redaction import redact

__all__ = [
    "AccountSummary",
    "Broker",
    "BrokerError",
    "BrokerFactory",
    "BrokerPosition",
    "BrokerUnavailable",
    "Capabilities",
    "Dedupe",
    "Fill",
    "Instrument",
    "OpeningRef",
    "OrderRejected",
    "OrderReport",
    "OrderRequest",
    "OutcomeUnknown",
    "RateLimit",
    "Withheld",
]


class Dedupe(StrEnum):
    """For how long the broker refuses a second order with the same client order id."""

    LIFETIME = "lifetime"
    WHILE_OPEN = "while_open"  # while the position that the order opened is open
    WHILE_PENDING = "while_pending"  # while the order is working: not at all for a market order
    NONE = "none"


@dataclass(frozen=True, slots=True)
class RateLimit:
    """How many requests an account may make in any `seconds`, as the vendor says. `submit`: as many as a submit needs.

    Every other method counts as one.
    """

    requests: int
    seconds: int
    submit: int = 1


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter promises, so that callers ask for a property and never for a name.

    `settle_seconds`: how long after the end of a submit a look-up may still miss an order that was accepted; "not
    found" counts only after it. `deadline_seconds`: the longest that `submit` can take, enforced by the adapter's own
    timeouts; it must be well below `LEASE_SECONDS`. `nets_positions`: the account keeps one net position a symbol.
    `opposite_sides`: a strategy may open long what another one holds short; without it the broker refuses that.
    `rate_limit`: what the broker allows; None where it allows everything. Callers need not keep it: `rate_limit.py`
    does. `marks`: whether look-ups begin at a mark; only then is `mark` called before an intent, and only then may it
    ask.
    """

    dedupe: Dedupe
    nets_positions: bool
    settle_seconds: float
    deadline_seconds: float = 15.0
    opposite_sides: bool = True
    rate_limit: RateLimit | None = None
    marks: bool = False


@dataclass(frozen=True, slots=True)
class AccountSummary:
    """Cash of the account in its own currency; `available` is what may still be used as margin.

    `type`: what kind of account the broker says that it is, for people; None where it says nothing.
    """

    currency: str
    balance: Decimal
    available: Decimal
    type: str | None = None


@dataclass(frozen=True, slots=True)
class OpeningRef:
    """What the open left at the broker: what a close leg needs to name the position that it closes."""

    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId | None
    trade_id: str | None = None


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """A market order. `quantity` is positive, in units of the instrument; `side` says which way it trades.

    `mark` is what `Broker.mark()` said before the intent was committed; `opening` is set on close legs.
    """

    client_order_id: ClientOrderId
    symbol: str
    side: Direction
    quantity: Decimal
    leg: Leg
    strategy_id: str
    proquant_position_id: str
    mark: str | None = None
    opening: OpeningRef | None = None


@dataclass(frozen=True, slots=True)
class BrokerPosition:
    """The account's net position in one symbol as the broker sees it; negative is short."""

    symbol: str
    quantity: Decimal


class BrokerError(Exception):
    """Whatever an adapter may raise; nothing else leaves one."""


@dataclass(eq=False)
class OrderRejected(BrokerError):
    """Definitive: the broker will never fill this order. `type` is None where no word of the nine fits."""

    type: ErrorType | None
    reason: str

    def __post_init__(self) -> None:
        self.reason = _own_words(self, self.reason)


@dataclass(eq=False)
class BrokerUnavailable(BrokerError):
    """Proven not sent or not accepted: may be tried again, after `retry_after` seconds where the broker said so.

    `credentials`: a read was refused for the account's keys. Before an order is sent that settles it, since none would
    get through; after it was sent, that says nothing of it.
    """

    reason: str
    retry_after: float | None = field(default=None)
    credentials: bool = False

    def __post_init__(self) -> None:
        self.reason = _own_words(self, self.reason)


@dataclass(eq=False)
class Withheld(BrokerUnavailable):
    """Not sent by a decision of ours, to stay within limits: the broker was not asked, and refuses nothing."""


@dataclass(eq=False)
class OutcomeUnknown(BrokerError):
    """May have been sent: only `find` can tell. Never called rejected, never sent again blindly."""

    reason: str

    def __post_init__(self) -> None:
        self.reason = _own_words(self, self.reason)


def _own_words(error: BrokerError, reason: str) -> str:
    """The reason without secrets, as all that a traceback shows of the error: a broker may echo what it was sent."""
    words = redact(reason)
    error.args = tuple(_without_secrets(each, words) for each in error.args)
    return words


def _without_secrets(argument: object, words: str) -> object:
    """An argument as a traceback may show it; of whatever may hold an answer, the words alone."""
    if argument is None or isinstance(argument, int | float | ErrorType):
        return argument
    return redact(argument) if isinstance(argument, str) else words


class Broker(Protocol):
    """One account at one broker. Synchronous; one instance serves one account in one process, from several threads.

    | method | must promise |
    |---|---|
    | instruments | everything that this account may trade, now |
    | account | cash as the broker sees it now |
    | is_open | whether a market order in `symbol` would be executed at `at` (UTC) |
    | mark | a high-water mark of the account's history where `capabilities.marks`; else None, and asks nobody |
    | submit | exactly one attempt; returns a report, or raises OrderRejected, BrokerUnavailable or OutcomeUnknown |
    | find | the report of this order; None = not there now. Raises BrokerUnavailable where it could not look |
    | positions | the account's net position in each symbol |
    | close | frees connections; the instance is not used after it |

    An adapter never retries a write by itself, has explicit connect and read timeouts that add up to less than
    `capabilities.deadline_seconds`, and refuses in Decimal, before sending, what the broker would refuse.
    """

    @property
    def capabilities(self) -> Capabilities: ...
    def instruments(self) -> Sequence[Instrument]: ...
    def account(self) -> AccountSummary: ...
    def is_open(self, symbol: str, at: datetime) -> bool: ...
    def mark(self) -> str | None: ...
    def submit(self, order: OrderRequest) -> OrderReport: ...
    def find(self, order: OrderRequest) -> OrderReport | None: ...
    def positions(self) -> Sequence[BrokerPosition]: ...
    def close(self) -> None: ...


BrokerFactory = Callable[[Mapping[str, str]], Broker]
"""Takes the account's settings and returns its Broker. Raises ValueError, naming the setting, for an odd value."""
