"""What ProQuant was told, held against what became of each event."""

import json
from collections.abc import Iterator

from shared.domain import SignalEvent
from shared.proquant.answers import Reply
from tests.simulation.facts import EventFact, Facts
from tests.simulation.world import Answer, World

TELL = frozenset({"late_failure", "flat_not_reversed"})


def check(world: World, facts: Facts) -> Iterator[str]:
    """Every 200 has a row (I1), and every delivery of an event was answered with its outcome or as accepted (I10)."""
    rows = {(event.strategy, event.type, event.timestamp_ms): event for event in facts.events}
    if len(rows) != len(facts.events):
        yield "I1: an event is in the inbox twice"
    for answer in world.answers:
        if answer.reply is None:
            continue
        yield from _one(answer, rows.get(_key(answer.event)))
    heard = {(_key(answer.event), _word(answer.reply)) for answer in world.answers if answer.reply is not None}
    for key, row in rows.items():
        yield from _somebody_knows(facts, row, (key, row.error) in heard)


def _key(event: SignalEvent) -> tuple[str, str, int]:
    return event.strategy_id, str(event.type), event.timestamp_ms


def _word(reply: Reply) -> str | None:
    said = json.loads(reply.body) if reply.body else {}
    word: str | None = said.get("type") or said.get("error")
    return word


def _somebody_knows(facts: Facts, row: EventFact, heard: bool) -> Iterator[str]:
    """Of a refusal: ProQuant, or else a person, whatever was answered, or was to be answered, and could be noted."""
    told = [kind for kind, event in facts.alerts if event == row.id and kind in TELL]
    if row.state == "refused" and not heard and not told:
        yield f"I10: a refusal was told to nobody: {row}"
    if told.count("late_failure") > 1:
        yield f"I10: a refusal was told {told.count('late_failure')} times: {row}"


def _one(answer: Answer, row: EventFact | None) -> Iterator[str]:
    reply = answer.reply
    if reply is None:
        return
    word = _word(reply)
    if row is None:
        if reply.status != 503:
            yield f"I1: answered {reply.status} {word} at {answer.at:.3f} without a row: {answer.event}"
        return
    if reply.status == 200 and row.state == "refused" and row.accepted_at is None and not answer.lost_commits:
        yield f"I10: answered 200 as if handled, and nobody noted it: {row}"
    if reply.status not in {200, 503} and (row.state != "refused" or word != row.error):
        yield f"I10: answered {reply.status} {word}, but: {row}"
    special = b'"type"' in reply.body
    if reply.status >= 400 and dict(reply.headers).get("x-proquant-error") != ("1" if special else None):
        yield f"I7: the error header does not fit {reply.body!r}"
