"""One seed from beginning to verdict, and what a person is shown of one that fails."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from shared.database.tables.accounts import Account
from tests.simulation import oracle
from tests.simulation.furnishing import build
from tests.simulation.world import World
from tests.support.judge import facts


@dataclass(slots=True)
class Trial:
    """What one seed came to. `counts`: what happened, by name; `story`: how it happened, of a seed that failed."""

    seed: int
    violations: list[str]
    residual: list[str]
    counts: Counter[str]
    story: str = field(default="", repr=False)


def run(seed: int, engine: Engine, always_tell: bool = False) -> Trial:
    """Plays the world of this seed and judges it."""
    world = build(seed, engine)
    world.run()
    found = _read(engine)
    verdict = oracle.judge(world, found)
    story = _tell(world, found, verdict.violations + verdict.residual) if verdict.violations or always_tell else ""
    return Trial(seed, verdict.violations, verdict.residual, _count(world, found), story)


def _read(engine: Engine) -> facts.Facts:
    """The tables as they are now; they hold one world."""
    with Session(engine) as session:
        return facts.read(session, session.scalars(select(Account.name)).all())


@contextmanager
def quiet() -> Iterator[None]:
    """The product's own log lines are not printed while thousands of worlds run."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)


def _count(world: World, found: facts.Facts) -> Counter[str]:
    counts: Counter[str] = Counter({f"fault: {fault}": number for fault, number in world.faults.counts.items()})
    counts["deliveries"] = len(world.answers)
    counts["scheduler steps"] = world.scheduler.steps
    counts["orders accepted"] = sum(entry.state != "rejected" for entry in world.books.entries)
    counts["orders rejected"] = sum(entry.state == "rejected" for entry in world.books.entries)
    counts["orders that came late"] = sum(entry.late for entry in world.books.entries)
    accepted = {
        (answer.event.strategy_id, answer.event.timestamp_ms)
        for answer in world.answers
        if answer.reply is not None and answer.reply.status == 200 and answer.lost_commits
    }
    for event in found.events:
        unnoted = event.accepted_at is None and (event.strategy_id, event.timestamp_ms) in accepted
        counts["refusals after a 200 that the database could not note"] += unnoted and event.state == "refused"
        counts["refusals that a person was told of"] += ("late_failure", event.id) in found.alerts
        counts["events"] += 1
        counts[f"event {event.state}{f': {event.error}' if event.error else ''}"] += 1
    return counts


def _tell(world: World, found: facts.Facts, wrong: list[str]) -> str:
    lines = [f"seed {world.seed}: {world.rules}"]
    for story in world.stories:
        lines.append(f"strategy {story.strategy_id}, a REOPEN names the {story.reading} position:")
        lines += [
            f"  {event.timestamp_ms % 1_000_000} {event.type} {event.direction} {event.quantity} {event.ticker}"
            f" {event.proquant_position_id}, delivered at "
            + ", ".join(f"{delivery.at:.3f}" for delivery in story.deliveries if delivery.event is event)
            for event in story.events
        ]
    lines.append("what happened:")
    lines += [f"  {at:9.3f} {who:32} {what}" for at, who, what in world.scheduler.trace]
    lines.append("how the events ended:")
    for event in found.events:
        lines.append(f"  {event}")
        lines += [
            f"    {o.leg} {o.generation} {o.side} {o.filled}/{o.quantity} {o.state} {o.client_order_id[:9]}"
            for o in event.orders
        ]
    lines += ["the broker's books:"]
    lines += [
        f"  {e.at:9.3f} {e.request.strategy_id} {e.request.leg} {e.request.side} {e.filled}/{e.request.quantity}"
        f" {e.state}{' LATE' if e.late else ''} {e.request.client_order_id[:9]}"
        for e in world.books.entries
    ]
    return "\n".join([*lines, "what is wrong:", *(f"  {line}" for line in wrong)])
