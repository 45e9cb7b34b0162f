"""What a person says of an account's instruments beside its broker: names that cannot be derived, tighter limits. Pure.

A ticker that was chosen means the chosen symbol and nothing else; limits of both sides hold at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import lcm

from shared.accounts.instrument import Instrument
from shared.domain import EXACT


@dataclass(frozen=True, slots=True)
class QuantityLimits:
    """Limits of what can be opened, in units; None: none beside the broker's."""

    minimum: Decimal | None = None
    maximum: Decimal | None = None
    step: Decimal | None = None


@dataclass(frozen=True, slots=True)
class InstrumentChoices:
    """What holds for one account. `symbols`: the broker's symbol by ProQuant's ticker. `limits`: by ticker."""

    symbols: Mapping[str, str] = field(default_factory=dict)
    limits: Mapping[str, QuantityLimits] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InstrumentFile:
    """What the file says. `brokers`: symbols by ticker, by kind of broker. `accounts`: by name."""

    brokers: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    accounts: Mapping[str, InstrumentChoices] = field(default_factory=dict)

    def of(self, account: str, broker: str) -> InstrumentChoices:
        """The account's own symbols go before those of its kind of broker, ticker by ticker."""
        own = self.accounts.get(account, InstrumentChoices())
        return InstrumentChoices({**self.brokers.get(broker, {}), **own.symbols}, own.limits)


NO_FILE = InstrumentFile()


@dataclass(frozen=True, slots=True)
class ChosenInstruments:
    """The instruments as the account may trade them, and a sentence for each choice that came to nothing."""

    instruments: Sequence[Instrument]
    warnings: Sequence[str] = ()


def choose(listed: Iterable[Instrument], choices: InstrumentChoices) -> ChosenInstruments:
    """What the broker lists, under the chosen tickers and within the chosen limits. Doing it again changes nothing.

    A chosen symbol that the broker does not list leaves its ticker out: the broker's own instrument of that name is
    not what was meant.
    """
    named, unlisted = _name(list(listed), choices.symbols)
    limited, vain = _limit(named, choices.limits)
    return ChosenInstruments(limited, [*unlisted, *vain])


def tightened(instrument: Instrument, limits: QuantityLimits) -> Instrument:
    """The instrument within both its own limits and these. A quantity that is allowed then was allowed before."""
    tops = [top for top in (instrument.maximum, limits.maximum) if top is not None]
    return replace(
        instrument,
        minimum=max(instrument.minimum, limits.minimum or instrument.minimum),
        maximum=min(tops, default=None),
        step=instrument.step if limits.step is None else _common_step(instrument.step, limits.step),
    )


def _name(listed: Sequence[Instrument], symbols: Mapping[str, str]) -> tuple[list[Instrument], list[str]]:
    by_symbol = {each.symbol: each for each in listed}
    named = [each for each in listed if each.ticker not in symbols]
    named += [replace(by_symbol[symbol], ticker=ticker) for ticker, symbol in symbols.items() if symbol in by_symbol]
    unlisted = {ticker: symbol for ticker, symbol in symbols.items() if symbol not in by_symbol}
    return named, [f"{ticker} is to be {symbol}, which the broker does not list" for ticker, symbol in unlisted.items()]


def _limit(named: Sequence[Instrument], limits: Mapping[str, QuantityLimits]) -> tuple[list[Instrument], list[str]]:
    """Limits of a ticker hold for its symbol, under whatever ticker it is traded."""
    symbols = {each.ticker: each.symbol for each in named}
    by_symbol: dict[str, list[QuantityLimits]] = {}
    for ticker, chosen in limits.items():
        if ticker in symbols:
            by_symbol.setdefault(symbols[ticker], []).append(chosen)
    limited = [_within(each, by_symbol.get(each.symbol, ())) for each in named]
    vain = [f"there are limits for {ticker}, which the account cannot trade" for ticker in limits.keys() - symbols]
    vain += [f"the limits for {each.ticker} leave no quantity" for each in limited if _is_barred(each, by_symbol)]
    return limited, sorted(vain)


def _within(instrument: Instrument, limits: Iterable[QuantityLimits]) -> Instrument:
    for each in limits:
        instrument = tightened(instrument, each)
    return instrument


def _is_barred(instrument: Instrument, by_symbol: Mapping[str, Sequence[QuantityLimits]]) -> bool:
    """Whether limits were chosen that no quantity satisfies together with the broker's."""
    if instrument.symbol not in by_symbol or instrument.maximum is None:
        return False
    largest = EXACT.subtract(instrument.maximum, EXACT.remainder(instrument.maximum, instrument.step))
    return largest <= 0 or largest < instrument.minimum


def _common_step(one: Decimal, other: Decimal) -> Decimal:
    """The smallest step that satisfies both: the larger one where it is a multiple of the other."""
    for larger, smaller in ((one, other), (other, one)):
        if EXACT.remainder(larger, smaller) == 0:
            return larger
    exponent = min(int(EXACT.normalize(step).as_tuple().exponent) for step in (one, other))
    whole = [int(EXACT.scaleb(step, -exponent)) for step in (one, other)]
    return EXACT.scaleb(Decimal(lcm(*whole)), exponent)
