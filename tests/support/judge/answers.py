"""The invariants about what ProQuant was told: I1, I7 and I10."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared.accounts.orphan_policy import ORPHANING, OrphanEvent
from shared.domain import Event, SignalEvent
from tests.support.judge.facts import EventFact, Facts
from tests.support.judge.observed import Answer, Exchange

THE_NINE = {
    "InvalidCredentials": 401,
    "UnsupportedInstrument": 422,
    "QuantityTooLow": 422,
    "QuantityTooHigh": 422,
    "InvalidQuantityPrecision": 422,
    "InsufficientFunds": 422,
    "PositionAlreadyExists": 409,
    "PositionNotFound": 409,
    "MarketClosed": 409,
}
GENERIC = {
    "malformed", "unsupported_version", "too_large", "unsupported_media_type", "conflict", "expired", "account_paused",
    "strategy_disabled", "rejected", "too_many_attempts", "not_found", "method_not_allowed", "bad_request",
    "unavailable", "internal",
}  # fmt: skip
PASSING = {"unavailable", "internal", "too_many_attempts"}  # says nothing of the event: it may be answered anew
ORPHAN_EVENTS = frozenset(OrphanEvent)
TOLD_TOO_LATE = ("late_failure", "flat_not_reversed", "parked")

Identity = tuple[str, ...]


class Wrong(NamedTuple):
    """An invariant that does not hold: which, of what, and what was seen."""

    invariant: str
    subject: str
    seen: str


def judge(facts: Facts, history: Sequence[Exchange]) -> list[Wrong]:
    """What is wrong with the answers of `history`, in the light of the rows."""
    rows: dict[Identity, list[EventFact]] = {}
    for row in facts.events:
        rows.setdefault(_identity_of_row(row), []).append(row)
    deliveries: dict[Identity, list[Exchange]] = {}
    for exchange in history:
        deliveries.setdefault(_identity(exchange), []).append(exchange)
    wrong = [found for exchange in history for found in _form(exchange)]
    wrong += [
        Wrong("I1", str(same[0]), f"is in the inbox {len(same)} times")
        for same in rows.values()
        if len(same) > _most_rows(same[0], facts)
    ]
    wrong += [found for event in facts.events for found in _told_once(facts, event)]
    for identity, exchanges in deliveries.items():
        wrong += _one_row(exchanges, rows.get(identity, []))
        wrong += _same_answer(facts, exchanges, rows.get(identity, []))
        wrong += _told_to_nobody(facts, exchanges, rows.get(identity, []))
    return wrong


def _most_rows(row: EventFact, facts: Facts) -> int:
    """One; of an event of our own, one for each lifecycle event that may have caused it.

    Where the integration is over, ours stands at the moment of what was opened last, whenever the end was.
    """
    if row.type not in ORPHAN_EVENTS:
        return 1
    earlier = (e for e in facts.events if e.account == row.account and e.timestamp_ms <= row.timestamp_ms)
    return max(1, sum(1 for e in earlier if e.type in ORPHANING))


def word_of(answer: Answer) -> str:
    """The type or the word of an error; empty for a 200."""
    if answer.status == 200:
        return ""
    try:
        body = json.loads(answer.body)
    except ValueError:
        return "no JSON"
    return str(body.get("type") or body.get("error") or "no word") if isinstance(body, dict) else "no object"


def _form(exchange: Exchange) -> Iterable[Wrong]:
    """I7: an answer is 200 with nothing in it, one of the nine as the guide wants it, or a named generic one."""
    answer = exchange.answer
    if answer is None:
        return
    headers = {name.lower(): value for name, value in answer.headers.items()}
    word, special = word_of(answer), headers.get("x-proquant-error")
    json_type = headers.get("content-type", "").startswith("application/json")
    if answer.status == 200:
        right = answer.body == b"" and special is None
    elif word in THE_NINE:
        right = answer.status == THE_NINE[word] and special == "1" and json_type
    else:
        right = word in GENERIC and answer.status >= 400 and special is None and json_type
    if not right:
        yield Wrong("I7", _name(exchange), f"answered {answer.status} {answer.body!r} with {headers}")


def _one_row(exchanges: Sequence[Exchange], rows: Sequence[EventFact]) -> Iterable[Wrong]:
    """I1: what was answered 200 has exactly one row, with its content."""
    for exchange in exchanges:
        if exchange.answer is None or exchange.answer.status != 200:
            continue
        if len(rows) != 1:
            yield Wrong("I1", _name(exchange), f"answered 200 with {len(rows)} rows")
        elif not _has_content_of(exchange.event, rows[0]):
            yield Wrong("I1", _name(exchange), f"answered 200, and the row has other content: {rows[0]}")


def _same_answer(facts: Facts, exchanges: Sequence[Exchange], rows: Sequence[EventFact]) -> Iterable[Wrong]:
    """I10: the row's outcome, or 200 before it is known; never 200 after an error, never an error after it ended well.

    An error that came before the row did is a denial, which does not use up the key.
    """
    if len(rows) != 1:
        return
    row = rows[0]
    outcome = row.error if row.state == "refused" else ""
    mine = [exchange for exchange in exchanges if _has_content_of(exchange.event, row) and exchange.answer is not None]
    stored_by = min((e.ended for e in mine if e.answer and word_of(e.answer) in {"", outcome}), default=None)
    for exchange in mine:
        assert exchange.answer is not None
        word = word_of(exchange.answer)
        if word in {outcome, "conflict", *PASSING} or (word and (stored_by is None or exchange.began < stored_by)):
            continue
        if word:
            yield Wrong("I10", _name(exchange), f"answered {word}, and the row says {row.state} {row.error or ''}")
        elif row.state == "refused":
            yield from _early_200(facts, exchange, row, [e for e in mine if e.answer and word_of(e.answer) == outcome])
    yield from _conflicts(facts, exchanges, row)


def _early_200(facts: Facts, exchange: Exchange, row: EventFact, told: Sequence[Exchange]) -> Iterable[Wrong]:
    """A 200 for what was refused in the end: somebody must have been told in its place, whether or not it was noted.

    An error that came later has told the sender itself.
    """
    if any(other.ended < exchange.began for other in told):
        yield Wrong("I10", _name(exchange), f"answered 200 after {row.error}")
    later = any(exchange.ended < other.began for other in told)
    if not facts.alerted(row.id, *TOLD_TOO_LATE) and (row.accepted_at is not None or not later):
        yield Wrong("I10", _name(exchange), f"answered 200, refused with {row.error}, and nobody was told")


def _told_to_nobody(facts: Facts, exchanges: Sequence[Exchange], rows: Sequence[EventFact]) -> Iterable[Wrong]:
    """I10: a refusal reaches the sender or a person, also where no answer left, or one that says nothing of it."""
    for row in (row for row in rows if row.state == "refused" and len(rows) == 1):
        mine = [e.answer for e in exchanges if _has_content_of(e.event, row) and e.answer is not None]
        if not any(word_of(answer) == row.error for answer in mine) and not facts.alerted(row.id, *TOLD_TOO_LATE):
            yield Wrong("I10", str(row), f"refused with {row.error}, and nobody was told")


def _told_once(facts: Facts, row: EventFact) -> Iterable[Wrong]:
    """I10, of the rows: a refusal of what had been accepted is told to a person, and no refusal twice."""
    accepted = row.accepted_at is not None and row.finished_at is not None and row.accepted_at < row.finished_at
    if row.state == "refused" and accepted and not facts.alerted(row.id, *TOLD_TOO_LATE):
        yield Wrong("I10", str(row), "refused after a 200, and nobody was told")
    if facts.alerts.count(("late_failure", row.id)) > 1:
        yield Wrong("I10", str(row), "the refusal was told more than once")


def _conflicts(facts: Facts, exchanges: Sequence[Exchange], row: EventFact) -> Iterable[Wrong]:
    """Other content under a known key is never taken for the event, and somebody is told of it."""
    conflicts = [e for e in exchanges if e.answer is not None and word_of(e.answer) == "conflict"]
    if conflicts and not facts.alerted(row.id, "conflict"):
        yield Wrong("I10", _name(conflicts[0]), "a conflict of which nobody was told")
    for exchange in conflicts:
        if _has_content_of(exchange.event, row):
            yield Wrong("I10", _name(exchange), "the same content was called a conflict")


def _identity(exchange: Exchange) -> Identity:
    event = exchange.event
    if not isinstance(event, SignalEvent):
        return exchange.account, str(event.type), event.strategy_id, str(event.timestamp_ms)
    flip = str(event.timestamp_ms) if event.type == "SIGNAL_REOPEN" else ""
    return exchange.account, str(event.type), event.proquant_position_id, flip


def _identity_of_row(row: EventFact) -> Identity:
    if row.position is None:
        return row.account, row.type, row.strategy_id, str(row.timestamp_ms)
    return row.account, row.type, row.position, str(row.timestamp_ms) if row.type == "SIGNAL_REOPEN" else ""


def _has_content_of(event: Event, row: EventFact) -> bool:
    if not isinstance(event, SignalEvent):
        return True
    said = (event.strategy_id, event.direction, event.ticker, event.quantity)  # a CLOSE may name no direction
    return said == (row.strategy_id, row.direction, row.ticker, row.quantity)


def _name(exchange: Exchange) -> str:
    event = exchange.event
    position = event.proquant_position_id if isinstance(event, SignalEvent) else ""
    return f"{event.type} {position} of {exchange.account}/{event.strategy_id} at {event.timestamp_ms}"
