"""The words of this project as types: ids, closed sets of states and outcomes, and the events themselves. No I/O."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal
from enum import StrEnum
from typing import NewType

AccountId = NewType("AccountId", int)
IntegrationId = NewType("IntegrationId", int)
EventId = NewType("EventId", int)
OrderId = NewType("OrderId", int)
StrategyKey = NewType("StrategyKey", int)
"""Our row of one strategy of one account; ProQuant's own id of it is `strategy_id`."""
ClientOrderId = NewType("ClientOrderId", str)
BrokerOrderId = NewType("BrokerOrderId", str)


EXACT = Context(prec=200)
"""Arithmetic on quantities. The default 28 digits would round a product, and a remainder of large numbers raises."""


class Direction(StrEnum):
    """Which way a signal points (guide, "v1 Signal Event Data")."""

    BUY = "BUY"
    SELL = "SELL"

    @property
    def opposite(self) -> "Direction":
        return Direction.SELL if self is Direction.BUY else Direction.BUY


class EventType(StrEnum):
    """The eight types of the guide, "v1 Event types and data"."""

    INTEGRATION_APPROVED = "INTEGRATION_APPROVED"
    INTEGRATION_REJECTED = "INTEGRATION_REJECTED"
    INTEGRATION_DELETED = "INTEGRATION_DELETED"
    STRATEGY_ENABLED = "STRATEGY_ENABLED"
    STRATEGY_DISABLED = "STRATEGY_DISABLED"
    SIGNAL_OPEN = "SIGNAL_OPEN"
    SIGNAL_CLOSE = "SIGNAL_CLOSE"
    SIGNAL_REOPEN = "SIGNAL_REOPEN"


SIGNALS = frozenset({EventType.SIGNAL_OPEN, EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN})
OPENING = (EventType.SIGNAL_OPEN, EventType.SIGNAL_REOPEN)
"""The signals that may leave a strategy with a position. In a fixed order, since SQL is made of it."""


class ErrorType(StrEnum):
    """The nine errors that ProQuant understands (guide, "Responding to Events")."""

    INSUFFICIENT_FUNDS = "InsufficientFunds"
    """The broker says that an OPEN, or the open leg of a REOPEN, is more than the account can pay."""
    QUANTITY_TOO_LOW = "QuantityTooLow"
    """The quantity to open, times the account's multiplier, is below the instrument's least."""
    QUANTITY_TOO_HIGH = "QuantityTooHigh"
    """The quantity to open, times the account's multiplier, is above the instrument's or the account's most."""
    INVALID_QUANTITY_PRECISION = "InvalidQuantityPrecision"
    """The quantity to open is no multiple of the instrument's step."""
    UNSUPPORTED_INSTRUMENT = "UnsupportedInstrument"
    """The ticker to open is none of the account's instruments, or the broker says so."""
    POSITION_ALREADY_EXISTS = "PositionAlreadyExists"
    """An OPEN came, and the strategy holds a position."""
    MARKET_CLOSED = "MarketClosed"
    """The market is closed by the instrument's hours, or the broker says so."""
    POSITION_NOT_FOUND = "PositionNotFound"
    """A CLOSE came, and the strategy holds nothing that it may close, or the broker does not."""
    INVALID_CREDENTIALS = "InvalidCredentials"
    """The token is missing or wrong, the user has ended the integration, or the broker refuses the account's key."""


class GenericError(StrEnum):
    """Refusals that ProQuant has no word for; it shows its generic notification."""

    MALFORMED = "malformed"
    """The body does not arrive whole, is no JSON, or a field is missing or odd; the detail names it."""
    UNSUPPORTED_VERSION = "unsupported_version"
    """The body holds no version of the protocol that the bridge knows."""
    TOO_LARGE = "too_large"
    """The body is larger than 64 kB."""
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    """The content type is not application/json."""
    CONFLICT = "conflict"
    """The event came before with another direction, ticker, quantity or strategy. Not executed; a person is alerted."""
    EXPIRED = "expired"
    """An OPEN, or the open leg of a REOPEN, is older than `BRIDGE_OPEN_MAX_AGE_SECONDS` when its turn comes."""
    ACCOUNT_PAUSED = "account_paused"
    """An OPEN came, or the open leg of a REOPEN is due, and the account is paused."""
    STRATEGY_DISABLED = "strategy_disabled"
    """An OPEN came, or the open leg of a REOPEN is due, and the user has disabled the strategy."""
    REJECTED = "rejected"
    """The broker has refused the order with a reason for which the guide has no word."""
    TOO_MANY_ATTEMPTS = "too_many_attempts"
    """The token is wrong, and too many wrong ones are being slowed down already. Never for a right token."""
    NOT_FOUND = "not_found"
    """Nothing is served at the path."""
    METHOD_NOT_ALLOWED = "method_not_allowed"
    """The path takes another method; `Allow` names it."""
    BAD_REQUEST = "bad_request"
    """What came is no HTTP/1.1, or the server refuses it."""
    UNAVAILABLE = "unavailable"
    """The database is away, or the body does not come in time: what became of the event is not known."""
    INTERNAL = "internal"
    """A fault of the bridge. The log has the traceback, and the answer says nothing of it."""


AnyError = ErrorType | GenericError


def error_named(word: str) -> AnyError:
    """The error of this name. Raises ValueError for a word that is in neither closed set."""
    return ErrorType(word) if word in set(ErrorType) else GenericError(word)


class RefusedBy(StrEnum):
    """Who refused: the bridge (denied, before anything was sent) or the broker (rejected)."""

    BRIDGE = "bridge"
    BROKER = "broker"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an event is not executed. `detail` is one sentence that is safe to show to the sender."""

    error: AnyError
    detail: str
    by: RefusedBy = RefusedBy.BRIDGE


class EventState(StrEnum):
    """Life of an event; `EVENT_TRANSITIONS` lists who may follow whom. `inbox/states.py` moves it."""

    RECEIVED = "received"  # stored by the receiver, or handed back by a person who resolved a parked one
    EXECUTING = "executing"  # a worker that holds the strategy's lease is at it
    WAITING = "waiting"  # due again at next_attempt_at: retry, settling, or grace for a reordered delivery
    PARKED = "parked"  # cannot be settled without a person; alerted
    DONE = "done"  # what it asked for is so, at the broker and in the ledger
    REFUSED = "refused"  # denied or rejected; error_type is why, refused_by is by whom
    SKIPPED = "skipped"  # rightly without effect; reason says why


EVENT_TRANSITIONS: dict[EventState, frozenset[EventState]] = {
    EventState.RECEIVED: frozenset({EventState.EXECUTING}),
    EventState.EXECUTING: frozenset(
        {
            EventState.EXECUTING,  # a lease ran out and another worker takes over
            EventState.WAITING,
            EventState.PARKED,
            EventState.DONE,
            EventState.REFUSED,
            EventState.SKIPPED,
        }
    ),
    EventState.WAITING: frozenset({EventState.EXECUTING, EventState.PARKED}),
    EventState.PARKED: frozenset({EventState.RECEIVED}),
    EventState.DONE: frozenset(),
    EventState.REFUSED: frozenset(),
    EventState.SKIPPED: frozenset(),
}
FINISHED = frozenset({EventState.DONE, EventState.REFUSED, EventState.SKIPPED})


class SkipReason(StrEnum):
    """Why an event rightly had no effect."""

    SUPERSEDED = "superseded"  # a later event of the strategy has already closed or flipped its position
    IRRELEVANT = "irrelevant"  # a type that this bridge does not know
    DUPLICATE = "duplicate"  # the same flip again under another timestamp


class Leg(StrEnum):
    """One order of an event. OPEN has `open`, CLOSE has `close`, REOPEN has both, `close` first."""

    CLOSE = "close"
    OPEN = "open"


class OrderState(StrEnum):
    """Life of an order; `ORDER_TRANSITIONS` lists who may follow whom. `ledger/` writes it."""

    PLANNED = "planned"  # proven not to have reached the broker: may be sent again, or withdrawn
    SUBMITTING = "submitting"  # where an order begins, committed right before the call: it may be at the broker
    UNKNOWN = "unknown"  # the call ended without evidence; only a look-up may settle it
    ACCEPTED = "accepted"  # the broker has it and it is still working
    FILLED = "filled"
    PARTIALLY_FILLED = "partially_filled"  # final: a part was filled, the rest was cancelled
    REJECTED = "rejected"  # on definitive evidence only
    CANCELLED = "cancelled"  # accepted, then ended by the broker with nothing filled; or withdrawn by us unsent


ORDER_FINAL = frozenset({OrderState.FILLED, OrderState.PARTIALLY_FILLED, OrderState.REJECTED, OrderState.CANCELLED})
_ANSWERED = ORDER_FINAL | {OrderState.ACCEPTED}
ORDER_TRANSITIONS: dict[OrderState, frozenset[OrderState]] = {
    OrderState.PLANNED: frozenset({OrderState.SUBMITTING, OrderState.CANCELLED}),  # cancelled: withdrawn unsent
    OrderState.SUBMITTING: _ANSWERED | {OrderState.UNKNOWN, OrderState.PLANNED},
    OrderState.UNKNOWN: _ANSWERED | {OrderState.UNKNOWN, OrderState.PLANNED},
    OrderState.ACCEPTED: _ANSWERED,
    OrderState.FILLED: frozenset(),
    OrderState.PARTIALLY_FILLED: frozenset(),
    OrderState.REJECTED: frozenset(),
    OrderState.CANCELLED: frozenset(),
}


class AlertKind(StrEnum):
    """Each kind of thing that is worth a person's time."""

    CONFLICT = "conflict"  # the same key with other content
    LATE_FAILURE = "late_failure"  # refused after ProQuant was, or may have been, answered 200
    FLAT_NOT_REVERSED = "flat_not_reversed"  # REOPEN closed, but could not open
    PARKED = "parked"  # an event that only a person can settle
    UNKNOWN_TYPE = "unknown_type"  # an event type that this build does not know
    UNKNOWN_VERSION = "unknown_version"  # a protocol version that this build does not know
    NEW_VERSION = "new_version"  # a protocol version that this build knows, and that ProQuant has not sent before
    DEPRECATION = "deprecation"  # ProQuant says when it stops sending a version, or says something else than before
    GONE_AT_BROKER = "gone_at_broker"  # the ledger held a position that the broker does not know
    PARTIAL_FILL = "partial_fill"  # an open was filled only in part
    ORPHAN = "orphan"  # held, and nobody will close it: its integration was ended or its strategy disabled
    DRIFT = "drift"  # the ledger and the broker hold different quantities
    ODD_LISTING = "odd_listing"  # a row of a broker's list of instruments cannot be read, and is left out
    OVERDUE = "overdue"  # what closes a position has waited for minutes, for its broker or for a person


@dataclass(frozen=True, slots=True)
class SignalEvent:
    """A SIGNAL_OPEN, SIGNAL_CLOSE or SIGNAL_REOPEN. `quantity` is in units of the instrument, as ProQuant sent it.

    A CLOSE and a REOPEN may name no direction (None), no ticker (empty) and no quantity (0) that can be read: what is
    held can be closed all the same.
    """

    type: EventType
    timestamp_ms: int
    strategy_id: str
    strategy_name: str
    proquant_position_id: str
    direction: Direction | None
    ticker: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class LifecycleEvent:
    """An INTEGRATION_* or STRATEGY_* event. `strategy_id` and `strategy_name` are empty for INTEGRATION_*."""

    type: EventType
    timestamp_ms: int
    strategy_id: str = ""
    strategy_name: str = ""


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """An event of a type that the guide of our day does not list: recorded, alerted, answered 200."""

    type: str
    timestamp_ms: int
    strategy_id: str = ""
    strategy_name: str = ""


Event = SignalEvent | LifecycleEvent | UnknownEvent


@dataclass(frozen=True, slots=True)
class VersionStatus:
    """What one body says of one protocol version (guide, "Versioning").

    `odd`: there is a deprecation, but it is no date that we can read.
    """

    version: str
    supported: bool
    deprecation: datetime | None
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """One webhook body, parsed: the event in the highest version we know, and what the sender says of versions."""

    version: str
    deprecation: datetime | None  # of the version that was used
    unknown_versions: tuple[str, ...]
    event: Event
    versions: tuple[VersionStatus, ...] = field(default=(), compare=False)  # all of them, lowest first
