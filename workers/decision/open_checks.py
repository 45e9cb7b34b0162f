"""Why the open leg of an event may not be sent: every check that needs no broker, in the order of the answers. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shared.accounts.instrument import check_quantity, sentence_about
from shared.domain import EXACT, ErrorType, GenericError, Refusal
from shared.situation.model import Situation

PLAUSIBLE_AGE = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Limits:
    """The settings that decisions depend on. Times in seconds.

    `settle` is the adapter's `settle_seconds`; `marks`: whether its look-ups begin at a mark.
    """

    open_max_age: float
    reorder_grace: float
    settle: float
    marks: bool = False


def denial_of(s: Situation, now: datetime, limits: Limits) -> Refusal | None:
    """Why the open leg may not be sent, or None."""
    if not s.approved or s.ended:
        return not_approved()
    if s.paused:
        return Refusal(
            GenericError.ACCOUNT_PAUSED,
            "Trading on this account is paused; it opens no positions.",
        )
    if not s.enabled:
        return Refusal(
            GenericError.STRATEGY_DISABLED,
            "The integration is disabled for this strategy.",
        )
    if is_expired(s, now, limits):
        return Refusal(
            GenericError.EXPIRED,
            f"The signal is older than {limits.open_max_age:g} seconds.",
        )
    instrument = s.instrument
    if instrument is None:
        return Refusal(
            ErrorType.UNSUPPORTED_INSTRUMENT,
            f"{s.task.ticker} cannot be traded on this account.",
        )
    wrong = check_quantity(instrument, open_quantity(s))
    return None if wrong is None else Refusal(wrong, sentence_about(instrument, open_quantity(s)))


def is_expired(s: Situation, now: datetime, limits: Limits) -> bool:
    """Whether an OPEN is too old to be sent.

    Age counts from ProQuant's timestamp. A timestamp of more than a year ago is no time that a delivery can have taken
    (it is a sample such as the guide's own, or seconds in place of milliseconds): then it counts from our receipt.
    """
    sent_at = datetime.fromtimestamp(s.task.moment[0] / 1000, UTC)
    since = s.task.received_at if s.task.received_at - sent_at > PLAUSIBLE_AGE else sent_at
    return now - since > timedelta(seconds=limits.open_max_age)


def not_approved() -> Refusal:
    """The answer to every signal after the user rejected or deleted the integration."""
    return Refusal(
        ErrorType.INVALID_CREDENTIALS,
        "The integration is no longer approved by the user.",
    )


def open_quantity(s: Situation) -> Decimal:
    """What the open leg asks the broker for: ProQuant's quantity times the account's multiplier, in units."""
    return EXACT.multiply(s.task.quantity, s.multiplier)
