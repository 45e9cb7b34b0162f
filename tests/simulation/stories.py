"""A model of ProQuant: legal stories of signals, and when each is delivered: late, twice, or out of order."""

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from shared.domain import Direction, EventType, SignalEvent

BEGINNING = datetime(2030, 1, 7, 12, 0, tzinfo=UTC)  # a Monday
TICKERS = ("XAUUSD", "EURUSD")


class Reading(StrEnum):
    """Which position a REOPEN names, about which the guide is silent."""

    NEW = "new"  # the one that it opens
    KEPT = "kept"  # an id that survives the flip
    OLD = "old"  # the one that it closes, while later events name the new one


@dataclass(frozen=True, slots=True)
class Delivery:
    """One HTTP call, at virtual seconds since the beginning."""

    at: float
    event: SignalEvent


@dataclass(frozen=True, slots=True)
class Story:
    """What one strategy did, in ProQuant's order, and the calls that tell of it."""

    strategy_id: str
    reading: Reading
    events: tuple[SignalEvent, ...]
    deliveries: tuple[Delivery, ...]


def tell(rng: random.Random, name: str, lateness: float) -> Story:
    """A story of one strategy. `lateness`: the longest delay of a delivery, in seconds; 0 = all in order."""
    reading = rng.choice(list(Reading))
    ticker = rng.choice(TICKERS)
    events: list[SignalEvent] = []
    at, held = 0.5, ""
    direction: Direction = rng.choice(list(Direction))
    for number in range(rng.choice((2, 3, 3, 4, 4, 5, 7))):
        at += rng.choice((0.05, 0.3, 3.0, 20.0))
        fresh = f"{name}-p{number}"
        if not held:
            type_, named, held = EventType.SIGNAL_OPEN, fresh, fresh
            direction = rng.choice(list(Direction))
        elif rng.random() < 0.5:
            type_, named, held = EventType.SIGNAL_CLOSE, held, ""
        else:
            direction = direction.opposite
            type_ = EventType.SIGNAL_REOPEN
            named = fresh if reading is Reading.NEW else held
            held = held if reading is Reading.KEPT else fresh
        quantity = Decimal(rng.randint(2, 20))
        stamp = round((BEGINNING.timestamp() + at) * 1000)
        event = SignalEvent(type_, stamp, name, "Simulated", named, direction, ticker, quantity)
        events.append(_oddly_spelled(rng, event) if type_ is EventType.SIGNAL_CLOSE else event)
        if reading is Reading.KEPT and type_ is EventType.SIGNAL_REOPEN and rng.random() < 0.5:
            at += rng.choice((0.05, 3.0))
            ticker = _odd_flip(rng, events, at)
            direction = events[-1].direction or direction
    return Story(name, reading, tuple(events), _deliver(rng, events, lateness))


def _oddly_spelled(rng: random.Random, close: SignalEvent) -> SignalEvent:
    """A CLOSE closes what is held, whatever it names; every third names something odd."""
    odd: tuple[dict[str, object], ...] = (
        {"direction": None},
        {"ticker": "XAUUSD+"},
        {"ticker": ""},
        {"quantity": Decimal(0)},
    )
    return replace(close, **rng.choice(odd)) if rng.random() < 1 / 3 else close  # type: ignore[arg-type]  # fields that exist


def _odd_flip(rng: random.Random, events: list[SignalEvent], at: float) -> str:
    """A flip that keeps the id and says the same as the one before it, or the same but for one part."""
    last = events[-1]
    change = rng.choice(
        ({}, {}, {"quantity": Decimal(rng.randint(2, 20))}, {"ticker": rng.choice(TICKERS)}, _undone(events))
    )
    again = replace(last, timestamp_ms=round((BEGINNING.timestamp() + at) * 1000), **change)
    events.append(again)
    return again.ticker


def _undone(events: list[SignalEvent]) -> dict[str, object]:
    """What the position was before the last flip."""
    before = events[-2]
    return {"direction": before.direction, "ticker": before.ticker, "quantity": before.quantity}


def _deliver(rng: random.Random, events: list[SignalEvent], lateness: float) -> tuple[Delivery, ...]:
    calls: list[Delivery] = []
    for event in events:
        at = event.timestamp_ms / 1000 - BEGINNING.timestamp() + 0.02
        if lateness and rng.random() < 0.5:
            at += rng.random() * lateness
        calls.append(Delivery(at, event))
        if rng.random() < 0.2:
            calls.append(Delivery(at + rng.choice((0.0, 0.01, 1.0, 30.0)), event))
    return tuple(calls)
