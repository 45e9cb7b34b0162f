"""Judges a world that has come to rest: a small model of the protocol, which shares no decision with the product."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from tests.simulation import answers, ending
from tests.simulation.books import Entry
from tests.simulation.broker import DEADLINE_SECONDS
from tests.simulation.facts import EventFact, Facts
from tests.simulation.world import World

ENDED = frozenset({"done", "refused", "skipped"})
PROTOCOL_ERRORS = frozenset(
    {
        "InsufficientFunds",
        "QuantityTooLow",
        "QuantityTooHigh",
        "InvalidQuantityPrecision",
        "UnsupportedInstrument",
        "PositionAlreadyExists",
        "PositionNotFound",
        "MarketClosed",
        "InvalidCredentials",
    }
)
GENERIC_ERRORS = frozenset({"expired", "rejected"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong, and what is wrong only because a process was held between its last check and its send.

    The latter is the window that no client can close: the order arrives when another has long been sure that it
    never will. Only a broker that refuses old orders could. It is counted, each with its late arrival as the proof.
    """

    violations: list[str]
    residual: list[str]


def judge(world: World, facts: Facts) -> Verdict:
    """Every invariant on every strategy."""
    violations = list(world.problems)
    violations += [f"the adapter broke: {bug!r}" for bug in world.broker.bugs]
    violations += answers.check(world, facts)
    residual: list[str] = []
    for story in world.stories:
        entries = [e for e in world.books.entries if e.request.strategy_id == story.strategy_id]
        found = list(_strategy(world, facts, story.strategy_id, entries))
        late = [e for e in entries if e.late and (e.state != "rejected" or _hides_another(e, entries))]
        (residual if late else violations).extend(found)
    return Verdict(violations, residual)


def _hides_another(entry: Entry, entries: list[Entry]) -> bool:
    """Whether an order that was refused repeats one that was not: from then on look-ups show the refusal."""
    same = [e for e in entries if e.request.client_order_id == entry.request.client_order_id]
    return any(e.state != "rejected" for e in same)


def _strategy(world: World, facts: Facts, strategy: str, entries: list[Entry]) -> Iterator[str]:
    events = facts.of(strategy)
    yield from _all_ended(facts, events)
    yield from _late_refusals_are_told(facts, events)
    yield from _one_accepted_order_a_leg(entries, events)
    yield from _only_own_orders(entries, events)
    yield from _in_event_order(entries, events)
    yield from _flat_before_open(entries)
    yield from _no_blind_resend(world, events)
    if world.rules.marks:
        yield from _marked(entries)
    yield from _refusals_are_true(world, events, entries)
    if not any(event.state == "parked" for event in events):
        yield from _ledger_is_the_books(world, facts, strategy, events, entries)
        yield from ending.check(world, facts, strategy)


def _all_ended(facts: Facts, events: list[EventFact]) -> Iterator[str]:
    parked = any(event.state == "parked" for event in events)
    for event in events:
        waits_for_person = event.state == "parked" or (parked and event.type != "SIGNAL_CLOSE")
        if event.state not in ENDED and not waits_for_person:
            yield f"I2: unfinished: {event}"
        if event.state == "parked" and ("parked", event.id) not in facts.alerts:
            yield f"I2: parked in silence: {event}"


def _late_refusals_are_told(facts: Facts, events: list[EventFact]) -> Iterator[str]:
    """Who was answered 200 before the refusal hears of it from an alert."""
    told = {event for _, event in facts.alerts}
    for event in events:
        late = event.accepted_at and event.finished_at and event.accepted_at < event.finished_at
        if event.state == "refused" and late and event.id not in told:
            yield f"a refusal after a 200 was told to nobody: {event}"


def _one_accepted_order_a_leg(entries: list[Entry], events: list[EventFact]) -> Iterator[str]:
    accepted = [entry.request.client_order_id for entry in entries if entry.state != "rejected"]
    for client_order_id in sorted(set(accepted)):
        if accepted.count(client_order_id) > 1:
            yield f"I3: {client_order_id} was accepted {accepted.count(client_order_id)} times"
    for event in events:
        opens = [order for order in event.leg("open") if order.client_order_id in accepted]
        if len(opens) > 1:
            yield f"I3: {len(opens)} accepted orders for the open leg of {event}"


def _only_own_orders(entries: list[Entry], events: list[EventFact]) -> Iterator[str]:
    """Whatever stands in the books was meant: an intent of that id, side and quantity, of an event that executes."""
    orders = {order.client_order_id: (event, order) for event in events for order in event.orders}
    for entry in entries:
        known = orders.get(entry.request.client_order_id)
        if known is None:
            yield f"I1: the books hold {entry.request.client_order_id}, which no intent tells of"
            continue
        event, order = known
        if (order.side, order.quantity, order.leg) != (entry.request.side, entry.request.quantity, entry.request.leg):
            yield f"I3: the intent and the order differ: {order} {entry.request}"
        if entry.request.leg == "open" and (event.direction, event.quantity) != (order.side, order.quantity):
            yield f"the open leg is not what the signal asked for: {event} {order}"
        if event.state == "skipped" and entry.fills:
            yield f"an order was executed for {event}"


def _in_event_order(entries: list[Entry], events: list[EventFact]) -> Iterator[str]:
    """Each filled order against all that were filled before it, and not only against the last."""
    by_order = {order.client_order_id: event for event in events for order in event.orders}
    filled = [entry for entry in entries if entry.fills and entry.request.client_order_id in by_order]
    for number, entry in enumerate(filled):
        event = by_order[entry.request.client_order_id]
        before = {by_order[e.request.client_order_id].id: by_order[e.request.client_order_id] for e in filled[:number]}
        for other in before.values():
            if other.moment > event.moment and not _was_left_a_rest(event, other):
                yield f"I4: {entry.request.client_order_id} was executed after an order of the later {other}"


def _was_left_a_rest(event: EventFact, later: EventFact) -> bool:
    """Whether the event came when a later CLOSE or REOPEN had begun, which then could close but a part of it all.

    That one was refused; nobody could have known the earlier event, and the rest is held as if the later one had not
    been (docs/decisions/0014-a-refused-reopen-supersedes-what-it-ended.md). No other case is let pass.
    """
    unknown = later.started_at is not None and event.received_at >= later.started_at
    closing = later.type in {"SIGNAL_CLOSE", "SIGNAL_REOPEN"}
    return unknown and closing and later.state == "refused" and not ending.was_ended(later)


def _flat_before_open(entries: list[Entry]) -> Iterator[str]:
    """An open leg only ever starts from flat, and a close leg never closes more than there is."""
    for number, entry in enumerate(entries):
        if not entry.fills:
            continue
        working = [e for e in entries[:number] if e.finished_at is None or e.finished_at > entry.at]
        if entry.request.leg == "open" and (entry.net_before != 0 or working):
            yield f"I5: an open leg was accepted while {entry.net_before} was held: {entry.request}"
        if entry.request.leg == "close" and not _reduces(entry.net_before, entry.signed):
            yield f"I3: a close leg of {entry.signed} was executed while {entry.net_before} was held: {entry.request}"


def _reduces(before: Decimal, change: Decimal) -> bool:
    return before * change < 0 and abs(change) <= abs(before)


def _no_blind_resend(world: World, events: list[EventFact]) -> Iterator[str]:
    """Between two sends of one order: a proof that the first did not arrive, or will never."""
    for order in (order for event in events for order in event.orders):
        calls = [call for call in world.books.calls if call.client_order_id == order.client_order_id]
        pending: float | None = None  # from when "nothing found" proves something; None = nothing to be proven
        for call in calls:
            if call.kind == "find" and call.outcome == "nothing" and pending is not None and call.began >= pending:
                pending = None
            if call.kind == "submit":
                if pending is not None:
                    yield f"I8: {order.client_order_id} was sent again at {call.began:.3f} without a proof"
                pending = None if call.outcome == "unavailable" else _provable_from(world, call.began, call.ended)


def _marked(entries: list[Entry]) -> Iterator[str]:
    for entry in entries:
        if entry.request.mark is None:
            yield f"an order left without the mark that its look-ups need: {entry.request}"


def _provable_from(world: World, began: float, ended: float | None) -> float:
    latest = began + DEADLINE_SECONDS
    return (latest if ended is None else min(latest, ended)) + world.rules.settle


def _refusals_are_true(world: World, events: list[EventFact], entries: list[Entry]) -> Iterator[str]:
    for event in (event for event in events if event.state == "refused"):
        if event.error not in PROTOCOL_ERRORS | GENERIC_ERRORS:
            yield f"I7: {event} has no error of the closed set"
        if event.refused_by == "broker":
            mine = {order.client_order_id for order in event.orders}
            said = [e for e in entries if e.request.client_order_id in mine and not e.fills]
            words = {e.error or "rejected" for e in said if e.state in {"rejected", "cancelled"}}
            if event.error not in words:
                yield f"I7: the broker never said so: {event}, it said {words}"
        if event.error == "expired" and event.finished_at is not None:
            age = event.finished_at.timestamp() - event.timestamp_ms / 1000
            if age <= world.rules.max_age:
                yield f"I7: expired after {age:.1f} s: {event}"
        if event.refused_by == "bridge" and event.error == "MarketClosed" and not world.broker.market_denials:
            yield f"I7: the market was open: {event}"


def _ledger_is_the_books(
    world: World, facts: Facts, strategy: str, events: list[EventFact], entries: list[Entry]
) -> Iterator[str]:
    for order in (order for event in events for order in event.orders):
        booked = sum((e.filled for e in entries if e.request.client_order_id == order.client_order_id), Decimal(0))
        if not order.filled == order.fills == booked:
            yield f"I6: {order}: the books say {booked}"
    held = [p for p in facts.positions if p.strategy == strategy and p.state == "open"]
    if len(held) > 1:
        yield f"I6: {len(held)} open positions of {strategy}"
    ours = {p.symbol: p.quantity if p.direction == "BUY" else -p.quantity for p in held}
    for symbol in {entry.request.symbol for entry in entries} | set(ours):
        theirs = world.books.net(strategy, symbol)
        if ours.get(symbol, Decimal(0)) != theirs:
            yield f"I6: the ledger holds {ours.get(symbol, 0)} {symbol} of {strategy}, the broker {theirs}"
