"""How much of what is held goes into the next closing order. Pure."""

from decimal import Decimal

from shared.accounts.instrument import Instrument
from shared.domain import EXACT

MOST_PARTS = 100  # a maximum that asks for more of them is no maximum of a market order


def closing_quantity(held: Decimal, instrument: Instrument | None) -> Decimal:
    """All of it, or the most that the broker takes in one order, in whole steps.

    What is held may be below the minimum or between two steps, after a partial fill or since a limit was changed: that
    is for the broker to judge. Quantities are in units of the instrument.
    """
    if instrument is None or instrument.maximum is None or held <= instrument.maximum:
        return held
    part = EXACT.subtract(instrument.maximum, EXACT.remainder(instrument.maximum, instrument.step))
    return part if part > 0 and EXACT.multiply(part, Decimal(MOST_PARTS)) >= held else held
