"""What an account may trade: instruments with their hours and quantities. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain import EXACT, ErrorType


@dataclass(frozen=True, slots=True)
class TradingHours:
    """Weekly trading sessions in UTC, as (start, end) in minutes since Monday 00:00; end is exclusive.

    A session may run past the end of the week (end > 10080). An empty tuple means: never open.
    """

    sessions: tuple[tuple[int, int], ...]

    def is_open(self, at: datetime) -> bool:
        minute = at.weekday() * 1440 + at.hour * 60 + at.minute
        return any(start <= minute < end or start <= minute + 10080 < end for start, end in self.sessions)


@dataclass(frozen=True, slots=True)
class Instrument:
    """What ProQuant calls a ticker, as this account may trade it. Quantities in units of the instrument.

    `hours` is None where the broker publishes no fixed weekly hours; then only `Broker.is_open` knows.
    """

    ticker: str
    symbol: str
    minimum: Decimal
    maximum: Decimal | None
    step: Decimal
    currency: str
    shortable: bool = True
    hours: TradingHours | None = None


def check_quantity(instrument: Instrument, quantity: Decimal) -> ErrorType | None:
    """What is wrong with this quantity (in units), or None. Precision is looked at first, then minimum, then maximum.

    Brokers often answer one code for all three, so we tell them apart before sending.
    """
    if EXACT.remainder(quantity, instrument.step) != 0:
        return ErrorType.INVALID_QUANTITY_PRECISION
    if quantity < instrument.minimum:
        return ErrorType.QUANTITY_TOO_LOW
    if instrument.maximum is not None and quantity > instrument.maximum:
        return ErrorType.QUANTITY_TOO_HIGH
    return None


def sentence_about(instrument: Instrument, quantity: Decimal) -> str:
    """What a quantity that was refused should have been, in words that are safe to show."""
    upper = "" if instrument.maximum is None else f" to {instrument.maximum:f}"
    allowed = f"{instrument.minimum:f}{upper} in steps of {instrument.step:f}"
    return f"{quantity:f} units of {instrument.ticker} cannot be traded; allowed are {allowed}."
