"""What ProQuant would send: legal stories of many strategies, with some deliveries double. Pure, by seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from shared.domain import Direction, EventType, SignalEvent
from tests.chaos.broker_server import SYMBOLS

STRATEGIES = 60
TWICE = 0.08  # of the events are delivered twice
TWICE_WITHIN_SECONDS = 3.0
FLIPS = 0.4  # of the signals to a strategy that holds something


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook call that is due `at` seconds after the beginning, whatever became of those before it."""

    at: float
    event: SignalEvent


@dataclass(frozen=True, slots=True)
class Held:
    """What a strategy believes to hold."""

    position: str
    direction: Direction
    ticker: str
    quantity: Decimal


def deliveries(seed: int, seconds: float, rate: float, epoch_ms: int) -> list[Delivery]:
    """All deliveries of `seconds` at `rate` events a second. Timestamps count from `epoch_ms`, Unix milliseconds."""
    dice = random.Random(seed)
    events = list(_events(dice, seconds, rate, epoch_ms))
    again = [
        Delivery(first.at + dice.uniform(0, TWICE_WITHIN_SECONDS), first.event)
        for first in events
        if dice.random() < TWICE
    ]
    return sorted([*events, *again], key=lambda delivery: delivery.at)


def _events(dice: random.Random, seconds: float, rate: float, epoch_ms: int) -> Iterator[Delivery]:
    held: dict[str, Held | None] = {f"strategy-{number:02}": None for number in range(STRATEGIES)}
    last_ms = epoch_ms
    at = dice.expovariate(rate)
    while at < seconds:
        strategy = dice.choice(list(held))
        last_ms = max(last_ms + 1, epoch_ms + int(at * 1000))
        event, held[strategy] = _next(dice, strategy, held[strategy], last_ms)
        yield Delivery(at, event)
        at += dice.expovariate(rate)


def _next(dice: random.Random, strategy: str, held: Held | None, ms: int) -> tuple[SignalEvent, Held | None]:
    if held is None:
        opened = _position(dice, dice.choice(list(Direction)), dice.choice(SYMBOLS))
        return _signal(EventType.SIGNAL_OPEN, strategy, opened, ms), opened
    if dice.random() < FLIPS:
        flipped = _position(dice, held.direction.opposite, held.ticker)
        return _signal(EventType.SIGNAL_REOPEN, strategy, flipped, ms), flipped
    return _signal(EventType.SIGNAL_CLOSE, strategy, held, ms), None


def _position(dice: random.Random, direction: Direction, ticker: str) -> Held:
    return Held(f"{dice.getrandbits(128):032x}", direction, ticker, Decimal(dice.randint(1, 20)))


def _signal(type_: EventType, strategy: str, about: Held, ms: int) -> SignalEvent:
    return SignalEvent(type_, ms, strategy, strategy, about.position, about.direction, about.ticker, about.quantity)
