"""Why the open leg of an event may not be sent: every check that needs no broker, in the order of the answers. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from shared.accounts import open_rules
from shared.accounts.open_rules import OpenRequest
from shared.domain import Refusal
from shared.signal_rules import PLAUSIBLE_AGE
from shared.situation.model import Situation


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
    return open_rules.first_denial(request_of_situation(s, now, limits))


def request_of_situation(s: Situation, now: datetime, limits: Limits) -> OpenRequest:
    """What the open leg asks for, and all that is so when its turn comes."""
    return OpenRequest(
        s.task.direction,
        s.task.ticker,
        s.task.quantity,
        s.multiplier,
        s.instrument,
        approved=s.approved and not s.ended,
        paused=s.paused,
        enabled=s.enabled,
        outlived=limits.open_max_age if is_expired(s, now, limits) else None,
    )


def is_expired(s: Situation, now: datetime, limits: Limits) -> bool:
    """Whether an OPEN is too old to be sent.

    Age counts from ProQuant's timestamp. A timestamp of more than a year ago is no time that a delivery can have taken
    (it is a sample such as the guide's own, or seconds in place of milliseconds): then it counts from our receipt.
    """
    sent_at = datetime.fromtimestamp(s.task.moment[0] / 1000, UTC)
    since = s.task.received_at if s.task.received_at - sent_at > PLAUSIBLE_AGE else sent_at
    return now - since > timedelta(seconds=limits.open_max_age)


def open_quantity(s: Situation) -> Decimal:
    """What the open leg asks the broker for, in units."""
    return open_rules.units_of(s.task.quantity, s.multiplier)
