"""A small model of the protocol, written from the guide and the invariants alone: what may a strategy's story be?

It knows no grace, no lease and no retry. It takes the events of one strategy in the order in which they ended, each
with what the broker filled for it, and says where an outcome and the fills do not fit together. Pure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial

from tests.support.judge.facts import EventFact

OPPOSITE = {"BUY": "SELL", "SELL": "BUY"}


@dataclass(frozen=True, slots=True)
class Trade:
    """What the broker filled of one order of an event."""

    leg: str
    side: str
    filled: Decimal


@dataclass(frozen=True, slots=True)
class Holding:
    """What a strategy holds, and the moment of the event that opened it."""

    direction: str
    quantity: Decimal
    position: str | None
    moment: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Odd:
    """Something that cannot be so."""

    event: EventFact
    seen: str


@dataclass(slots=True)
class Story:
    """A strategy in the course of its events."""

    held: Holding | None
    closed: set[str | None]
    ended: list[EventFact]
    odd: list[Odd]

    def complain(self, event: EventFact, wrong: bool, seen: str) -> None:
        if wrong:
            self.odd.append(Odd(event, seen))


def replay(events: Iterable[EventFact], trades: Mapping[int, Sequence[Trade]]) -> tuple[Holding | None, list[Odd]]:
    """What the strategy holds after `events`, which stand in the order in which they ended, and all that is odd."""
    story = Story(None, set(), [], [])
    for event in events:
        done = [trade for trade in trades.get(event.id, ()) if trade.filled > 0]
        closes = [trade for trade in done if trade.leg == "close"]
        opens = [trade for trade in done if trade.leg == "open"]
        _judge(story, event, closes, opens)
        _close(story, event, closes)
        _open(story, event, opens)
        story.ended.append(event)
    return story.held, story.odd


def _judge(story: Story, event: EventFact, closes: list[Trade], opens: list[Trade]) -> None:
    """Whether the outcome of the event fits what the broker did for it and what was held before."""
    complain = partial(story.complain, event)
    match event.type, event.state:
        case "SIGNAL_OPEN", "done":
            complain(len(opens) != 1, f"done with {len(opens)} fills that open")
            complain(story.held is not None, f"opened while {story.held} was held")
        case "SIGNAL_CLOSE", "done":
            complain(not closes, "done, and the broker closed nothing")
        case "SIGNAL_REOPEN", "done":
            complain(len(opens) != 1, f"done with {len(opens)} fills that open")
            complain(story.held is not None and not closes, f"opened while {story.held} was held")
        case "SIGNAL_OPEN" | "SIGNAL_REOPEN" | "SIGNAL_CLOSE", "refused":
            complain(bool(opens), f"refused with {event.error}, and the broker opened {opens}")
            _judge_refusal(story, event, closes)
        case _, "skipped":
            complain(bool(opens or closes), "skipped, and the broker traded")
            _judge_skip(story, event)
        case _, "done":
            complain(bool(opens or closes), "it is no signal, and the broker traded")
        case _, state:
            complain(True, f"ended as {state}")
    complain(event.type == "SIGNAL_OPEN" and bool(closes), "an OPEN has closed something")
    complain(event.type == "SIGNAL_CLOSE" and bool(opens), "a CLOSE has opened something")


def _judge_refusal(story: Story, event: EventFact, closes: list[Trade]) -> None:
    complain = partial(story.complain, event)
    if event.error == "PositionAlreadyExists":
        complain(story.held is None and event.refused_by == "bridge", "refused as held, and nothing was held")
    if event.error == "PositionNotFound" and event.refused_by == "bridge":
        held = story.held
        closable = held is not None and held.moment < event.moment
        meant = held is not None and (held.position == event.position or event.position not in story.closed)
        complain(closable and meant, f"refused as not found, and {held} was held")
    complain(event.type == "SIGNAL_CLOSE" and bool(closes) and event.refused_by == "bridge", "refused after it closed")


def _judge_skip(story: Story, event: EventFact) -> None:
    """Superseded takes a later event that ended before; a duplicate takes the position that it would open."""
    complain = partial(story.complain, event)
    held = story.held
    if event.reason == "superseded":
        complain(not any(other.moment > event.moment for other in story.ended), "superseded by nothing")
    elif event.reason == "duplicate":
        same = held is not None and (held.position, held.direction) == (event.position, event.direction)
        complain(not same, f"skipped as a duplicate while {held} was held")
    else:
        complain(event.type.startswith("SIGNAL_"), f"skipped as {event.reason}")


def _close(story: Story, event: EventFact, closes: list[Trade]) -> None:
    """Lets the closing fills shrink what is held: never more than it, never the wrong way."""
    complain = partial(story.complain, event)
    quantity = sum((trade.filled for trade in closes), Decimal(0))
    if not closes:
        return
    held = story.held
    if held is None:
        complain(True, f"closed {quantity} while nothing was held")
        return
    complain(any(trade.side != OPPOSITE[held.direction] for trade in closes), f"closed {held} the wrong way")
    complain(held.moment > event.moment, f"closed {held}, which a later event opened")
    complain(quantity > held.quantity, f"closed {quantity} of {held}")
    left = held.quantity - quantity
    complain(left > 0 and event.state == "done", f"done, and {left} of {held} are left")
    story.held = Holding(held.direction, left, held.position, held.moment) if left > 0 else None
    if story.held is None:
        story.closed.add(held.position)


def _open(story: Story, event: EventFact, opens: list[Trade]) -> None:
    complain = partial(story.complain, event)
    for trade in opens:
        complain(trade.side != event.direction, f"asked for {event.direction}, and the broker did {trade.side}")
        complain(trade.filled > event.wanted, f"asked for {event.wanted}, and the broker did {trade.filled}")
        story.held = Holding(trade.side, trade.filled, event.position, event.moment)
