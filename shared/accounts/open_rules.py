"""Why an account opens no position for a signal: the rules that receiver and worker share, in their order. Pure.

The receiver asks before it stores a signal, the worker when the signal's turn comes. Both make the same value, each of
what it knows, so that a user hears the same sentence whoever says it.
"""

from dataclasses import dataclass
from decimal import Decimal

from shared.accounts.instrument import Instrument, check_quantity, sentence_about
from shared.domain import EXACT, Direction, ErrorType, GenericError, Refusal


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What is to be opened, and how its account stands. `signalled`: the quantity as ProQuant sent it.

    `instrument`: None where the account does not list the ticker. The receiver knows nothing of the last two, and
    leaves them to the worker. `outlived`: the age limit in seconds that the signal has passed, if it has.
    """

    direction: Direction | None
    ticker: str
    signalled: Decimal
    multiplier: Decimal
    instrument: Instrument | None
    approved: bool
    paused: bool
    enabled: bool = True
    outlived: float | None = None

    @property
    def quantity(self) -> Decimal:
        """What the broker is asked for, in units."""
        return units_of(self.signalled, self.multiplier)


def first_denial(request: OpenRequest) -> Refusal | None:
    """Why this may not be opened, or None. The first rule that is broken gives the answer."""
    if not request.approved:
        return not_approved()
    if request.paused:
        return Refusal(GenericError.ACCOUNT_PAUSED, "Trading on this account is paused; it opens no positions.")
    if not request.enabled:
        return Refusal(GenericError.STRATEGY_DISABLED, "The integration is disabled for this strategy.")
    if request.outlived is not None:
        return Refusal(GenericError.EXPIRED, f"The signal is older than {request.outlived:g} seconds.")
    return _unreadable(request) or _untradable(request)


def _unreadable(request: OpenRequest) -> Refusal | None:
    """What a REOPEN may come without, since its close leg does not need it."""
    if request.direction is None:
        return Refusal(GenericError.MALFORMED, "The signal says neither BUY nor SELL.")
    if not request.ticker:
        return Refusal(ErrorType.UNSUPPORTED_INSTRUMENT, "The signal names no instrument.")
    if request.signalled <= 0:
        return Refusal(ErrorType.QUANTITY_TOO_LOW, "The signal names no quantity above 0.")
    return None


def _untradable(request: OpenRequest) -> Refusal | None:
    if request.instrument is None:
        return Refusal(ErrorType.UNSUPPORTED_INSTRUMENT, f"{request.ticker} cannot be traded on this account.")
    wrong = check_quantity(request.instrument, request.quantity)
    return None if wrong is None else Refusal(wrong, sentence_about(request.instrument, request.quantity))


def units_of(signalled: Decimal, multiplier: Decimal) -> Decimal:
    """ProQuant's quantity times the account's multiplier, exact: what an open leg is for, in units."""
    return EXACT.multiply(signalled, multiplier)


def not_approved() -> Refusal:
    """The answer to every signal after the user rejected or deleted the integration."""
    return Refusal(ErrorType.INVALID_CREDENTIALS, "The integration is no longer approved by the user.")


def market_closed(ticker: str) -> Refusal:
    """The answer where the market is closed, by the instrument's hours or by what the broker says."""
    return Refusal(ErrorType.MARKET_CLOSED, f"The market for {ticker} is closed.")
