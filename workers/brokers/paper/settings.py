"""The settings of a paper account, read from text; an unknown name or an odd value is refused by name. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TypeVar

from workers.brokers.base import Dedupe
from workers.brokers.paper.catalogue import Hours
from workers.brokers.paper.prices import USD_VALUE
from workers.brokers.paper.script import Entry
from workers.brokers.paper.script import parse as parse_script

MAX_LATENCY_MS = 10_000  # a submit must end well before the lease of its strategy does
MAX_SETTLE_SECONDS = 3600
_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class PaperSettings:
    """One account's settings. `account` names its books; the others say how it starts and how the broker behaves."""

    account: str
    database_url: str | None = field(default=None, repr=False)  # None: the bridge's own database
    balance: Decimal = Decimal(100_000)  # cash on the day that the books are opened, in `currency`
    currency: str = "USD"
    hours: Hours = Hours.MARKET
    latency: float = 0.0  # seconds that a submit takes before it reaches the books
    seed: int = 0  # of the prices
    dedupe: Dedupe = Dedupe.LIFETIME
    settle_seconds: float = 0.0  # a look-up misses an order for this long
    script: tuple[Entry, ...] = ()


def parse(settings: Mapping[str, str]) -> PaperSettings:
    """What the texts say. Raises ValueError that names the setting and says what is wrong with it."""
    if unknown := sorted(settings.keys() - _READERS.keys()):
        raise ValueError(f"{', '.join(unknown)}: unknown; the settings are {', '.join(sorted(_READERS))}")
    if not settings.get("account"):
        raise ValueError("account: must be the account's name")
    values = {_FIELDS.get(name, name): _READERS[name](name, text) for name, text in settings.items()}
    return PaperSettings(**values)  # type: ignore[arg-type]  # each reader gives the type of its field


def _text(name: str, text: str) -> str:
    if not text.strip():
        raise ValueError(f"{name}: must not be empty")
    return text.strip()


def _balance(name: str, text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{name}: {text!r} is not a number") from error
    if not (value.is_finite() and 0 <= value <= Decimal("1e15")):
        raise ValueError(f"{name}: {text!r} is not an amount of money from 0 to 1e15")
    return value


def _currency(name: str, text: str) -> str:
    if text not in USD_VALUE:
        raise ValueError(f"{name}: {text!r} cannot be converted; the currencies are {', '.join(USD_VALUE)}")
    return text


def _latency(name: str, text: str) -> float:
    return _between(name, text, MAX_LATENCY_MS) / 1000


def _settle(name: str, text: str) -> float:
    return _between(name, text, MAX_SETTLE_SECONDS)


def _between(name: str, text: str, most: float) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise ValueError(f"{name}: {text!r} is not a number") from error
    if not 0 <= value <= most:
        raise ValueError(f"{name}: {text!r} is not between 0 and {most}")
    return value


def _seed(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError as error:
        raise ValueError(f"{name}: {text!r} is not a whole number") from error


def _word_of(words: type[_Word]) -> Callable[[str, str], _Word]:
    def read(name: str, text: str) -> _Word:
        if text not in set(words):
            raise ValueError(f"{name}: {text!r} is none of {', '.join(words)}")
        return words(text)

    return read


def _script(_: str, text: str) -> tuple[Entry, ...]:
    return parse_script(text)


_FIELDS = {"latency_ms": "latency"}
_READERS: dict[str, Callable[[str, str], object]] = {
    "account": _text,
    "database_url": _text,
    "balance": _balance,
    "currency": _currency,
    "hours": _word_of(Hours),
    "latency_ms": _latency,
    "seed": _seed,
    "dedupe": _word_of(Dedupe),
    "settle_seconds": _settle,
    "script": _script,
}
