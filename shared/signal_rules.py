"""What a signal may say, for those who read one and those who let a person type one: its ticker and its age. Pure."""

from datetime import timedelta

LONGEST_TICKER = 64
TICKER_RULE = f"1 to {LONGEST_TICKER} printable characters"
PLAUSIBLE_AGE = timedelta(days=365)
"""A timestamp that lies further back is no time that a delivery can have taken: it is a sample, or in another unit."""

CLOCK_SKEW = timedelta(hours=1)
"""A timestamp that lies further ahead is nothing that two clocks can explain."""


def is_ticker(text: str) -> bool:
    """Whether this may name an instrument. Brokers have `S&P500`, `GC=F`, `BRK B`, `ES1!` and `EURUSD#`."""
    return 0 < len(text) <= LONGEST_TICKER and text.isprintable()
