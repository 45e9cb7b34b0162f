"""What a person has typed on the page, as values; or a sentence that says what is wrong with it. Pure."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation

from shared.domain import Direction, EventType
from shared.signal_rules import TICKER_RULE, is_ticker
from tools.simulator.misbehaviour import LONGEST_DELAY, WELL_BEHAVED, Misbehaviour, SentVersions
from tools.simulator.model import NotPossible, Ticket

Form = Mapping[str, str]

_LARGEST = Decimal(10**15)
_FINEST = -12  # decimals
_KINDS = {"OPEN": EventType.SIGNAL_OPEN, "CLOSE": EventType.SIGNAL_CLOSE, "REOPEN": EventType.SIGNAL_REOPEN}


def ticket(form: Form) -> Ticket:
    """Ticker, direction and quantity. Raises NotPossible."""
    ticker, direction = form.get("ticker", "").strip(), form.get("direction", "")
    if not is_ticker(ticker):
        raise NotPossible(f"A ticker has {TICKER_RULE}")
    if direction not in set(Direction):
        raise NotPossible("The direction is BUY or SELL.")
    return Ticket(ticker, Direction(direction), _quantity(form.get("quantity", "")))


def kind(form: Form) -> EventType:
    """Which signal: OPEN, CLOSE or REOPEN. Raises NotPossible."""
    if form.get("kind") not in _KINDS:
        raise NotPossible("A signal is OPEN, CLOSE or REOPEN.")
    return _KINDS[form["kind"]]


def pace(form: Form) -> float | None:
    """Seconds between signals; None where the field is empty or 0. Raises NotPossible."""
    return _number(form, "every", 86_400) or None


def behaviour(form: Form) -> Misbehaviour:
    """The whole misbehaviour; shares come in percent, and what is not ticked is off. Raises NotPossible."""
    if "well" in form:
        return WELL_BEHAVED
    try:
        versions = SentVersions(form.get("versions", SentVersions.V1))
        deprecated = date.fromisoformat(form["deprecated"]) if form.get("deprecated") else None
    except ValueError as error:
        raise NotPossible("The versions are v1, v1+v2 or v2, and a date is written 2030-12-31.") from error
    return Misbehaviour(
        duplicates=_number(form, "duplicates", 100) / 100,
        reordering=_number(form, "reordering", 100) / 100,
        retries="retries" in form,
        delay=_number(form, "delay", LONGEST_DELAY),
        versions=versions,
        deprecated=deprecated,
        wrong_token="wrong_token" in form,
        after_deletion="after_deletion" in form,
        lose_answers="lose_answers" in form,
    )


def _quantity(text: str) -> Decimal:
    try:
        quantity = Decimal(text.strip())
    except InvalidOperation as error:
        raise NotPossible("The quantity must be a number.") from error
    if not (quantity.is_finite() and 0 < quantity < _LARGEST and int(quantity.as_tuple().exponent) >= _FINEST):
        raise NotPossible("The quantity must be above 0, below 10^15, and have at most 12 decimals.")
    return quantity


def _number(form: Form, name: str, most: float) -> float:
    try:
        value = float(form.get(name) or 0)
    except ValueError as error:
        raise NotPossible(f"{name} must be a number.") from error
    if not 0 <= value <= most:
        raise NotPossible(f"{name} must be from 0 to {most:g}.")
    return value
