"""The setting `script` of the paper broker: what happens to each submit of an account, in order. Pure.

    script = entry *("," entry)
    entry  = "ok"                      executed
           | "reject:" word            refused with one of the nine types, or with none of them: "other"
           | "unavailable" [":" secs]  proven not sent, optionally with a time to wait
           | "timeout_accepted"        executed, but the answer is lost: outcome unknown
           | "timeout_lost"            lost before it reached the books: outcome unknown
           | "timeout_rejected:" word  refused, but the answer is lost: a look-up reports the refusal
           | "partial:" fraction       this part (0 to 1, both exclusive) is filled, the rest cancelled
           | "accepted"                accepted and working; filled by the next look-up
           | "cancelled"               accepted, then cancelled with nothing filled
           | "cancelled_later"         accepted and working; cancelled by the next look-up

Each submit of the account takes one entry, a refused one and a repeated one too; after the last entry all is "ok".
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from shared.domain import ErrorType

OTHER = "other"


class Action(StrEnum):
    """What an entry makes of a submit."""

    OK = "ok"
    REJECT = "reject"
    UNAVAILABLE = "unavailable"
    TIMEOUT_ACCEPTED = "timeout_accepted"
    TIMEOUT_LOST = "timeout_lost"
    TIMEOUT_REJECTED = "timeout_rejected"
    PARTIAL = "partial"
    ACCEPTED = "accepted"
    CANCELLED = "cancelled"
    CANCELLED_LATER = "cancelled_later"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. `error` is for refusals (None = "other"), `fraction` for partial, `retry_after` for unavailable."""

    action: Action
    error: ErrorType | None = None
    fraction: Decimal = Decimal(1)
    retry_after: float | None = None

    def __str__(self) -> str:
        match self.action:
            case Action.REJECT | Action.TIMEOUT_REJECTED:
                return f"{self.action}:{self.error or OTHER}"
            case Action.PARTIAL:
                return f"{self.action}:{self.fraction:f}"
            case Action.UNAVAILABLE if self.retry_after is not None:
                return f"{self.action}:{self.retry_after}"
            case _:
                return self.action


OK = Entry(Action.OK)


def parse(text: str) -> tuple[Entry, ...]:
    """The entries of a script; none for an empty text. Raises ValueError that quotes the entry which is wrong."""
    return tuple(_entry(word.strip()) for word in text.split(",")) if text.strip() else ()


def entry_at(script: tuple[Entry, ...], position: int) -> Entry:
    """The entry for the submit with this number, counted from 0."""
    return script[position] if position < len(script) else OK


def _entry(word: str) -> Entry:
    name, colon, argument = word.partition(":")
    if name not in set(Action):
        raise ValueError(f"script: {word!r} is none of {', '.join(Action)}")
    action = Action(name)
    match action:
        case Action.REJECT | Action.TIMEOUT_REJECTED:
            return Entry(action, error=_error(word, argument))
        case Action.PARTIAL:
            return Entry(action, fraction=_fraction(word, argument))
        case Action.UNAVAILABLE if colon:
            return Entry(action, retry_after=_seconds(word, argument))
    if colon:
        raise ValueError(f"script: {word!r}: {name} takes no argument")
    return Entry(action)


def _error(word: str, argument: str) -> ErrorType | None:
    if argument == OTHER:
        return None
    if argument not in set(ErrorType):
        raise ValueError(f"script: {word!r} needs one of {', '.join(ErrorType)}, {OTHER}")
    return ErrorType(argument)


def _fraction(word: str, argument: str) -> Decimal:
    value = _number(word, argument)
    if not 0 < value < 1:
        raise ValueError(f"script: {word!r} needs a fraction between 0 and 1")
    return value


def _seconds(word: str, argument: str) -> float:
    value = _number(word, argument)
    if value < 0:
        raise ValueError(f"script: {word!r} needs seconds of 0 or more")
    return float(value)


def _number(word: str, argument: str) -> Decimal:
    try:
        value = Decimal(argument)
    except InvalidOperation as error:
        raise ValueError(f"script: {word!r} needs a number after the colon") from error
    if not value.is_finite():
        raise ValueError(f"script: {word!r} needs a finite number")
    return value
