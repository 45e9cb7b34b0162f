"""Reads the instruments file: TOML, strictly, so that a slip of the pen is found at the start and not in a trade."""

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from shared.accounts.instrument_choices import NO_FILE, InstrumentChoices, InstrumentFile, QuantityLimits
from shared.errors import ConfigurationError
from shared.signal_rules import TICKER_RULE, is_ticker

SETTING = "BRIDGE_INSTRUMENTS_FILE"
LARGEST = Decimal(10) ** 12
DECIMALS = 12
LONGEST_SYMBOL = 128
_NUMBER = re.compile(r"[0-9]{1,13}(\.[0-9]{1,12})?")
_Table = Mapping[str, Any]


def load(path: Path | None) -> InstrumentFile:
    """What the file at `path` says; nothing without one.

    Raises ConfigurationError that names the file, the key and the reason.
    """
    if path is None:
        return NO_FILE
    try:
        return parse(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeError) as error:
        raise ConfigurationError(f"{SETTING}: {path} cannot be read ({type(error).__name__}).") from error
    except ConfigurationError as error:
        raise ConfigurationError(f"{SETTING}: {path}: {error}") from error


def parse(text: str) -> InstrumentFile:
    """What the text of a file says. Raises ConfigurationError that names the key and the reason."""
    top = _toml(text)
    _only(top, "the top level", "brokers", "accounts")
    brokers = {
        kind: _broker(f"brokers.{kind}", content) for kind, content in _tables(top.get("brokers", {}), "brokers")
    }
    accounts = {
        name: _account(f"accounts.{name}", content) for name, content in _tables(top.get("accounts", {}), "accounts")
    }
    return InstrumentFile(brokers, accounts)


def _toml(text: str) -> _Table:
    """Numbers with a point are Decimal. Not all that tomllib raises for odd text is its own error."""
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise ConfigurationError(f"is no TOML ({type(error).__name__}): {error}") from error


def _broker(place: str, content: _Table) -> Mapping[str, str]:
    _only(content, place, "tickers")
    return _symbols(f"{place}.tickers", content.get("tickers", {}))


def _account(place: str, content: _Table) -> InstrumentChoices:
    _only(content, place, "tickers", "limits")
    limits = {
        _ticker(f"{place}.limits", ticker): _limits(f"{place}.limits.{ticker}", table)
        for ticker, table in _tables(content.get("limits", {}), f"{place}.limits")
    }
    return InstrumentChoices(_symbols(f"{place}.tickers", content.get("tickers", {})), limits)


def _symbols(place: str, content: object) -> Mapping[str, str]:
    """Two tickers for one symbol are refused: a line that was copied and half changed would trade something else."""
    chosen: dict[str, str] = {}
    for ticker, symbol in _table(content, place).items():
        _ticker(place, ticker)
        if not isinstance(symbol, str) or not _is_symbol(symbol):
            raise ConfigurationError(
                f"{place}.{ticker}: must be a broker's symbol in quotes; quote dotted tickers too."
            )
        for other, taken in chosen.items():
            if taken == symbol:
                raise ConfigurationError(f"{place}.{ticker}: {symbol} is what {other} means already.")
        chosen[ticker] = symbol
    return chosen


def _is_symbol(text: str) -> bool:
    return 0 < len(text) <= LONGEST_SYMBOL and text.isprintable() and text == text.strip()


def _ticker(place: str, ticker: str) -> str:
    if not is_ticker(ticker):
        raise ConfigurationError(f"{place}: {ticker!r} is no ticker: {TICKER_RULE}")
    return ticker


def _limits(place: str, content: _Table) -> QuantityLimits:
    _only(content, place, "minimum", "maximum", "step")
    if not content:
        raise ConfigurationError(f"{place}: needs one of minimum, maximum and step.")
    limits = QuantityLimits(**{name: _quantity(f"{place}.{name}", value) for name, value in content.items()})
    if limits.minimum is not None and limits.maximum is not None and limits.maximum < limits.minimum:
        raise ConfigurationError(f"{place}.maximum: is smaller than the minimum.")
    return limits


def _quantity(place: str, value: object) -> Decimal:
    number = Decimal(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else value
    if isinstance(number, bool) or not isinstance(number, int | Decimal) or not _is_plain(Decimal(number)):
        rule = f'must be a number above 0, to {LARGEST:f}, with at most {DECIMALS} decimals, such as 0.5 or "0.5"'
        raise ConfigurationError(f"{place}: {rule}.")
    return Decimal(number)


def _is_plain(number: Decimal) -> bool:
    return number.is_finite() and 0 < number <= LARGEST and int(number.as_tuple().exponent) >= -DECIMALS


def _only(content: _Table, place: str, *known: str) -> None:
    unknown = sorted(content.keys() - set(known))
    if unknown:
        raise ConfigurationError(f"{place}: {unknown[0]!r} is none of {', '.join(known)}.")


def _tables(value: object, place: str) -> list[tuple[str, _Table]]:
    return [(name, _table(content, f"{place}.{name}")) for name, content in _table(value, place).items()]


def _table(value: object, place: str) -> _Table:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{place}: must be a table.")
    return value
