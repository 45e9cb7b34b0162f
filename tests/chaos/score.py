"""Figures of a run, from what was seen outside of the system: attempts, answers, and the broker's books. Pure."""

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from shared.domain import Event, SignalEvent
from tests.chaos.books import BookedOrder
from tests.chaos.plan import STOPS_WORK, Fault
from tests.support.judge.answers import word_of
from tests.support.judge.observed import Exchange

Ids = Callable[[SignalEvent], Mapping[str, str]]
"""The client order id of each leg that an event may have."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that was done, and when, by the clock of the history (seconds)."""

    fault: Fault
    at: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What everybody can count. `resumed` and `caught_up`: seconds, one for each fault; see docs/chaos.md."""

    events: int
    deliveries: int
    answered: int
    unanswered: int
    refused: Mapping[str, int]
    executed: int
    doubled: int
    out_of_order: int
    resumed: Sequence[float]
    caught_up: Sequence[float]


def figures(
    events: Sequence[SignalEvent],
    history: Sequence[Exchange],
    books: Sequence[BookedOrder],
    ids: Ids,
    faults: list[Struck],
) -> Figures:
    """Counts a run. `history` is one account's."""
    known = {name: event for event in events for name in ids(event).values()}
    by_time = sorted(history, key=lambda exchange: exchange.began, reverse=True)
    first_sent: dict[Event, float] = {exchange.event: exchange.began for exchange in by_time}
    final = [exchange for exchange in history if exchange.answer is not None]
    answered = {e.event for e in final if e.answer and e.answer.status == 200}
    refused = {e.event: word_of(e.answer) for e in final if e.answer and 400 <= e.answer.status < 500}
    executed = executions(books, known)
    return Figures(
        events=len(events),
        deliveries=len(history),
        answered=len(answered),
        unanswered=len(set(events) - answered - refused.keys()),
        refused=dict(sorted(Counter(refused[event] for event in refused.keys() - answered).items())),
        executed=len(executed),
        doubled=doubled(books),
        out_of_order=out_of_order(books, known),
        resumed=[s for s in (_resumed(f, first_sent, executed) for f in faults if f.fault.kind in STOPS_WORK) if s],
        caught_up=[_caught_up(f, first_sent, executed) for f in faults],
    )


def executions(
    books: Sequence[BookedOrder], known: Mapping[str, SignalEvent]
) -> dict[SignalEvent, tuple[float, float]]:
    """When the first and the last order of each event was accepted."""
    times: dict[SignalEvent, tuple[float, float]] = {}
    for order in books:
        event = known.get(order.client_order_id)
        if event is not None:
            at = order.accepted_at.timestamp()
            times[event] = (times.get(event, (at, at))[0], at)
    return times


def lost(answered: Sequence[SignalEvent], books: Sequence[BookedOrder], needed: Ids) -> list[SignalEvent]:
    """Answered 200, and an order that it should have made is not in the books. `needed` says which it should."""
    accepted = {order.client_order_id for order in books}
    return [event for event in answered if not accepted.issuperset(needed(event).values())]


def doubled(books: Sequence[BookedOrder]) -> int:
    """Orders that were accepted beyond the first for the same leg of the same event."""
    return sum(count - 1 for count in Counter(order.client_order_id for order in books).values())


def out_of_order(books: Sequence[BookedOrder], known: Mapping[str, SignalEvent]) -> int:
    """Orders that were accepted after an order of a later event of their strategy."""
    newest: dict[str, int] = {}
    found = 0
    for order in books:
        event = known.get(order.client_order_id)
        if event is None:
            continue
        found += event.timestamp_ms < newest.get(event.strategy_id, 0)
        newest[event.strategy_id] = max(event.timestamp_ms, newest.get(event.strategy_id, 0))
    return found


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that is not below `share` of all; None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def _resumed(
    struck: Struck, first_sent: Mapping[Event, float], executed: Mapping[SignalEvent, tuple[float, float]]
) -> float | None:
    """Until an order was accepted for an event that was first sent after the fault; None where none was."""
    later = [times[0] for event, times in executed.items() if first_sent.get(event, 0) > struck.at]
    return min(later) - struck.at if later else None


def _caught_up(
    struck: Struck, first_sent: Mapping[Event, float], executed: Mapping[SignalEvent, tuple[float, float]]
) -> float:
    """Until the last order of all that had been sent, and was not executed, when the fault struck; 0 if nothing was."""
    pending = [times[1] for event, times in executed.items() if first_sent.get(event, math.inf) <= struck.at < times[1]]
    return max(pending) - struck.at if pending else 0.0


def as_json(value: object) -> str:
    """Indented, for a file."""
    return json.dumps(value, indent=2, sort_keys=False, default=str)
