"""Judges a world that has come to rest: by the judge of all kinds of tests, and by what only a world can show."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from tests.simulation import ending, views
from tests.simulation.books import Entry
from tests.simulation.world import World
from tests.support.judge import answers, verdict
from tests.support.judge.facts import EventFact, Facts

PROTOCOL_ERRORS = frozenset(answers.THE_NINE)
GENERIC_ERRORS = frozenset({"expired", "rejected"})  # nobody pauses an account, or disables a strategy


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
    violations += _answers(world, facts)
    violations += _foreign(world, facts)
    residual: list[str] = []
    for story in world.stories:
        entries = views.entries_of(world, story.strategy_id)
        found = list(_strategy(world, facts.of(story.strategy_id), story.strategy_id, entries))
        late = [e for e in entries if e.late and (e.state != "rejected" or _hides_another(e, entries))]
        (residual if late else violations).extend(found)
    return Verdict(violations, residual)


def _answers(world: World, facts: Facts) -> Iterator[str]:
    """I10: in a world nothing is refused at receipt, so that each answer is of a row, and says what became of it."""
    rows = {(event.strategy_id, event.type, event.timestamp_ms): event for event in facts.events}
    for answer in world.answers:
        reply = answer.reply
        if reply is None or reply.status == 503:
            continue
        row = rows.get((answer.event.strategy_id, str(answer.event.type), answer.event.timestamp_ms))
        said = json.loads(reply.body) if reply.body else {}
        word = said.get("type") or said.get("error")
        if row is None:
            yield f"I1: answered {reply.status} {word} at {answer.at:.3f} without a row: {answer.event}"
        elif reply.status == 200 and row.state == "refused" and row.accepted_at is None and not answer.lost_commits:
            yield f"I10: answered 200 as if handled, and nobody noted it: {row}"
        elif reply.status != 200 and (row.state != "refused" or word != row.error):
            yield f"I10: answered {reply.status} {word}, but: {row}"


def _foreign(world: World, facts: Facts) -> Iterator[str]:
    """I3: whatever came to the broker was meant, also where it never arrived."""
    meant = {order.client_order_id for order in facts.orders}
    for name in sorted({call.client_order_id for call in world.books.calls} - meant):
        yield f"I3: the broker was asked for {name}, which no intent tells of"


def _hides_another(entry: Entry, entries: list[Entry]) -> bool:
    """Whether an order that was refused repeats one that was not: from then on look-ups show the refusal."""
    same = [e for e in entries if e.request.client_order_id == entry.request.client_order_id]
    return any(e.state != "rejected" for e in same)


def _strategy(world: World, facts: Facts, strategy: str, entries: list[Entry]) -> Iterator[str]:
    yield from _invariants(world, facts, strategy)
    yield from _as_meant(facts, entries)
    yield from _flat_before_open(entries)
    if world.rules.marks:
        yield from _marked(entries)
    yield from _refusals_are_true(world, facts, entries)
    if not any(event.state == "parked" for event in facts.events):
        yield from ending.check(world, facts, strategy)


def _invariants(world: World, facts: Facts, strategy: str) -> Iterator[str]:
    """I1 to I10 as everywhere; every event has to be at its end."""
    if not facts.events:
        return
    account = facts.events[0].account
    calls = list(views.calls(world, {order.client_order_id for order in facts.orders}))
    books, history = views.StrategyBooks(world, strategy), views.history(world, strategy, account)
    for wrong in verdict.judge(facts, books, [account], history, calls, world.now()):
        yield f"{wrong.invariant}: {wrong.subject}: {wrong.seen}"


def _as_meant(facts: Facts, entries: list[Entry]) -> Iterator[str]:
    """I3: what was refused, too, was asked for just as it was meant, and no order of a skipped event was executed."""
    orders = {order.client_order_id: (event, order) for event in facts.events for order in event.orders}
    for entry in entries:
        event, order = orders.get(entry.request.client_order_id, (None, None))
        asked = (entry.request.side, entry.request.quantity, entry.request.leg)
        if order is not None and (order.side, order.quantity, order.leg) != asked:
            yield f"I3: the intent and the order differ: {order} {entry.request}"
        if event is not None and event.state == "skipped" and entry.fills:
            yield f"an order was executed for {event}"


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


def _marked(entries: list[Entry]) -> Iterator[str]:
    for entry in entries:
        if entry.request.mark is None:
            yield f"an order left without the mark that its look-ups need: {entry.request}"


def _refusals_are_true(world: World, facts: Facts, entries: list[Entry]) -> Iterator[str]:
    for event in (event for event in facts.events if event.state == "refused"):
        if event.error not in PROTOCOL_ERRORS | GENERIC_ERRORS:
            yield f"I7: {event} has no error of the closed set"
        if event.refused_by == "broker":
            yield from _said_by_broker(event, entries)
        if event.error == "expired" and event.finished_at is not None:
            age = event.finished_at.timestamp() - event.timestamp_ms / 1000
            if age <= world.rules.max_age:
                yield f"I7: expired after {age:.1f} s: {event}"
        if event.refused_by == "bridge" and event.error == "MarketClosed" and not world.broker.market_denials:
            yield f"I7: the market was open: {event}"


def _said_by_broker(event: EventFact, entries: list[Entry]) -> Iterator[str]:
    mine = {order.client_order_id for order in event.orders}
    said = [e for e in entries if e.request.client_order_id in mine and not e.fills]
    words = {e.error or "rejected" for e in said if e.state in {"rejected", "cancelled"}}
    if event.error not in words:
        yield f"I7: the broker never said so: {event}, it said {words}"
