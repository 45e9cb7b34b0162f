"""What a strategy must hold in the end, and which of its events may have ended how: "as if they had come in order"."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from tests.simulation.world import World
from tests.support.judge.facts import EventFact, Facts, PositionFact

FLAT: frozenset[int | None] = frozenset({None})


def check(world: World, facts: Facts, strategy: str) -> Iterator[str]:
    """The position at the end, each event that was not executed, and the exact ends of events that came in order."""
    events = sorted(facts.events, key=lambda event: event.moment)
    positions = list(facts.positions)
    held = next((p for p in positions if p.state == "open"), None)
    expected = _expected(events)
    if (held.opened_by if held else None) not in expected:
        yield f"the end: {strategy} holds {held}, expected what was opened by one of {set(expected)}"
    if held is not None:
        opener = next(event for event in events if event.id == held.opened_by)
        if opener.direction != held.direction:
            yield f"the end: {held} is not what {opener} asked for"
    timeline = _Timeline(events, positions)
    for event in events:
        yield from timeline.explain(event, world.rules.grace)
    if all(first.received_at <= second.received_at for first, second in pairwise(events)):
        yield from _in_order(events)


def _expected(events: list[EventFact]) -> frozenset[int | None]:
    """Which event's position may be held in the end; None for flat. Read backwards: the last event with effect decides.

    Given how each event ended, in ProQuant's order, whatever the order of arrival.
    """
    for number in range(len(events) - 1, -1, -1):
        event, before = events[number], events[:number]
        match event.type, event.state, event.error:
            case "SIGNAL_CLOSE", "done", _:
                return FLAT
            case "SIGNAL_CLOSE", "refused", "PositionNotFound":
                return FLAT
            case "SIGNAL_OPEN" | "SIGNAL_REOPEN", "done", _:
                return frozenset({event.id})
            case "SIGNAL_REOPEN", "refused", _:
                if event.closed_all():
                    return FLAT
                if not event.orders and event.error == "MarketClosed":
                    return _expected(before) | FLAT
                if not event.leg("close"):
                    return FLAT
            case "SIGNAL_REOPEN", "skipped", _ if event.reason == "duplicate":
                return _last_of(event, before)
            case "SIGNAL_OPEN" | "SIGNAL_REOPEN", "skipped", _ if event.reason == "superseded":
                return frozenset()  # nothing later had any effect, so nothing can have superseded it
            case _:
                pass  # without effect: what was before it
    return FLAT


def _last_of(event: EventFact, before: list[EventFact]) -> frozenset[int | None]:
    """The last that opened just what the event asks for: that is what must be held."""
    same = [e.id for e in before if e.type != "SIGNAL_CLOSE" and e.state == "done" and e.content == event.content]
    return frozenset(same[-1:])


class _Timeline:
    """Who held what when, from the times at which events ended."""

    def __init__(self, events: list[EventFact], positions: list[PositionFact]) -> None:
        self._events = events
        self._by_id = {event.id: event for event in events}
        self._positions = positions

    def explain(self, event: EventFact, grace: float) -> Iterator[str]:
        """What is wrong with the reason that was given for not executing the event."""
        if event.finished_at is None:
            return
        early = event.finished_at < event.received_at + timedelta(seconds=grace)
        if event.reason == "superseded" and not any(self._ends(later, event) for later in self._events):
            yield f"nothing superseded {event}"
        if event.error == "PositionAlreadyExists" and (early or not self._held(event.finished_at)):
            yield f"no position stood in the way, or the grace was not kept: {event}"
        if event.error == "PositionNotFound" and event.refused_by == "bridge":
            held = self._held(event.finished_at)
            mine = [p for p in held if self._as_of(p, event.finished_at) < event.moment]
            if mine and not self._names_closed(event):
                yield f"a position was there: {event} {mine}"
            if not held and early and not self._names_closed(event):
                yield f"the grace was not kept: {event}"
        contents = {self._by_id[p.opened_by].content for p in self._held(event.finished_at)}
        if event.reason == "duplicate" and event.content not in contents:
            yield f"not held already: {event}"

    def _ends(self, later: EventFact, event: EventFact) -> bool:
        if later.moment <= event.moment or later.finished_at is None or event.finished_at is None:
            return False
        if later.finished_at > event.finished_at:
            return False
        closed = later.type == "SIGNAL_CLOSE" and (later.state == "done" or later.error == "PositionNotFound")
        heeded = later.state in {"done", "refused"} or later.reason == "duplicate"
        flipped = later.type == "SIGNAL_REOPEN" and heeded
        return closed or flipped or (later.type == "SIGNAL_OPEN" and later.state == "done")

    def _as_of(self, position: PositionFact, at: datetime) -> tuple[int, int]:
        """As of when the position was held at that time: its opening, or the last REOPEN that asked for just that."""
        opener = self._by_id[position.opened_by]
        again = [
            e.moment
            for e in self._events
            if e.reason == "duplicate" and e.content == opener.content and e.finished_at is not None
            if e.finished_at <= at and position in self._held(e.finished_at)
        ]
        return max([opener.moment, *again])

    def _held(self, at: datetime) -> list[PositionFact]:
        """Positions that were open at that time. What ended in the same instant counts as open."""
        return [p for p in self._positions if self._opened(p) <= at and self._closed(p, at)]

    def _opened(self, position: PositionFact) -> datetime:
        opener = self._by_id[position.opened_by]
        return opener.received_at if opener.finished_at is None else opener.finished_at

    def _closed(self, position: PositionFact, at: datetime) -> bool:
        if position.state == "open" or position.closed_by is None:
            return True
        closer = self._by_id[position.closed_by]
        return closer.finished_at is None or closer.finished_at > at

    def _names_closed(self, event: EventFact) -> bool:
        named = [p for p in self._positions if self._by_id[p.opened_by].position == event.position]
        return any(p.state == "closed" for p in named)


def _in_order(events: list[EventFact]) -> Iterator[str]:
    """Events that came in order: each ends exactly as the guide says, given what the broker did."""
    held: EventFact | None = None
    for event in events:
        if event.reason == "superseded":
            yield f"superseded, though all came in order: {event}"
        if not _fits(event, held):
            yield f"held was {held}, and so this is wrong: {event}"
        held = _after(event, held)


def _fits(event: EventFact, held: EventFact | None) -> bool:
    """Whether the event may end like this where that one's position is held."""
    same = held is not None and held.content == event.content
    if event.type == "SIGNAL_REOPEN":
        return same is (event.reason == "duplicate")
    match event.type, event.error:
        case "SIGNAL_OPEN", "PositionAlreadyExists":
            return held is not None
        case "SIGNAL_OPEN", None:
            return held is None
        case "SIGNAL_CLOSE", "PositionNotFound":
            return held is None or event.refused_by == "broker"
        case "SIGNAL_CLOSE", _:
            return held is not None
        case _:
            return True


def _after(event: EventFact, held: EventFact | None) -> EventFact | None:
    if event.type == "SIGNAL_CLOSE":
        gone = event.state == "done" or event.error == "PositionNotFound"
        return None if gone else held
    if event.state == "done":
        return event
    return None if event.type == "SIGNAL_REOPEN" and event.closed_all() else held
