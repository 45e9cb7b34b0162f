"""Which notification an answer puts on the user's phone, by the four rules of the guide ("Responding to Events"). Pure.

Written from the guide alone, and not with the bridge's own `shared.proquant.answers`: a misunderstanding that both
shared would be seen by nobody. A test compares the two.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

ERROR_HEADER: Final = "x-proquant-error"


class Notification(StrEnum):
    """What the phone shows: nothing, one of the nine well-designed errors, or the generic one."""

    NONE = "none"
    GENERIC = "generic"
    INSUFFICIENT_FUNDS = "InsufficientFunds"
    QUANTITY_TOO_LOW = "QuantityTooLow"
    QUANTITY_TOO_HIGH = "QuantityTooHigh"
    INVALID_QUANTITY_PRECISION = "InvalidQuantityPrecision"
    UNSUPPORTED_INSTRUMENT = "UnsupportedInstrument"
    POSITION_ALREADY_EXISTS = "PositionAlreadyExists"
    MARKET_CLOSED = "MarketClosed"
    POSITION_NOT_FOUND = "PositionNotFound"
    INVALID_CREDENTIALS = "InvalidCredentials"


THE_NINE = frozenset(Notification) - {Notification.NONE, Notification.GENERIC}


@dataclass(frozen=True, slots=True)
class AnswerRule:
    """One of the four rules, whether the answer keeps it, and what the answer has."""

    asks: str
    kept: bool
    found: str


@dataclass(frozen=True, slots=True)
class NotificationVerdict:
    """What is shown, and why. There are no rules to look at where nothing answered."""

    notification: Notification
    rules: tuple[AnswerRule, ...] = ()


NO_ANSWER: Final = NotificationVerdict(Notification.GENERIC)
"""The guide does not say what is shown when nothing answers; something did go wrong, so the generic one is assumed."""


def judge(status: int, headers: Mapping[str, str], body: bytes) -> NotificationVerdict:
    """What the phone shows for this answer; the names of `headers` in any case."""
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    type_ = _type_in(body)
    known = next((each for each in THE_NINE if each == type_), None)
    media_type = lower.get("content-type", "")
    rules = (
        AnswerRule("status code >= 400", status >= 400, str(status)),
        AnswerRule("content type application/json", _is_json(media_type), media_type or "none"),
        AnswerRule(f"header {ERROR_HEADER}: 1", lower.get(ERROR_HEADER) == "1", lower.get(ERROR_HEADER, "none")),
        AnswerRule("one of the nine types in the body", known is not None, str(type_ or "none")[:80]),
    )
    if status < 400:
        return NotificationVerdict(Notification.NONE, rules)
    if known is None or not all(rule.kept for rule in rules):
        return NotificationVerdict(Notification.GENERIC, rules)
    return NotificationVerdict(known, rules)


def _is_json(media_type: str) -> bool:
    return media_type.partition(";")[0].strip().lower() == "application/json"


def _type_in(body: bytes) -> object:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):  # no JSON, no UTF-8, or brackets without end
        return None
    return content.get("type") if isinstance(content, dict) else None
