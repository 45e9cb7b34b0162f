"""What ProQuant was told, held against what became of each event."""

import json
from collections.abc import Iterator

from tests.simulation.facts import EventFact, Facts
from tests.simulation.world import Answer, World


def check(world: World, facts: Facts) -> Iterator[str]:
    """Every 200 has a row (I1), and every delivery of an event was answered with its outcome or as accepted (I10)."""
    rows = {(event.strategy, event.type, event.timestamp_ms): event for event in facts.events}
    if len(rows) != len(facts.events):
        yield "I1: an event is in the inbox twice"
    for answer in world.answers:
        if answer.reply is None:
            continue
        event = answer.event
        row = rows.get((event.strategy_id, str(event.type), event.timestamp_ms))
        yield from _one(answer, row)


def _one(answer: Answer, row: EventFact | None) -> Iterator[str]:
    reply = answer.reply
    if reply is None:
        return
    said = json.loads(reply.body) if reply.body else {}
    if row is None:
        if reply.status != 503:
            yield f"I1: answered {reply.status} {said} at {answer.at:.3f} without a row: {answer.event}"
        return
    word = said.get("type") or said.get("error")
    if reply.status == 200 and row.state == "refused" and row.accepted_at is None and not answer.lost_commits:
        yield f"I10: answered 200 as if handled, and nobody noted it: {row}"
    if reply.status not in {200, 503} and (row.state != "refused" or word != row.error):
        yield f"I10: answered {reply.status} {word}, but: {row}"
    if reply.status >= 400 and dict(reply.headers).get("x-proquant-error") != ("1" if "type" in said else None):
        yield f"I7: the error header does not fit {said}"
