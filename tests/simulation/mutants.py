"""Shows that the simulation bites: breaks the product in one way at a time and counts the worlds until that is seen.

`python -m tests.simulation.mutants` plays all of them; with words, only those whose name contains one.
"""

import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared.accounts.orphan_policy import TRADING
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.orders import OrderRow, PositionRow
from shared.domain import AccountId, EventId, EventState, Leg, StrategyKey
from shared.inbox import states
from shared.inbox.states import Due
from shared.situation.model import HeldPosition, Order, Task
from tests.simulation import fleet
from tests.simulation.breaking import Breakage, Function, always, broken, with_argument
from tests.simulation.broker import DEADLINE_SECONDS
from tests.simulation.trial import Trial
from workers.decision.steps import ProvenAbsent, SubmitNew
from workers.execution.lease import Lease

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One way to be wrong."""

    name: str
    breakage: Breakage


def _takes_any(right: Function) -> Function:
    def claim(session: Session, *arguments: Any, **named: Any) -> Any:
        session.execute(update(Strategy).values(lease_until=None))
        return right(session, *arguments, **named)

    return claim


def _believes_any(right: Function) -> Function:
    def renew(session: Session, lease: Lease, *arguments: Any, **named: Any) -> Any:
        mine = {"fence": lease.fence, "lease_owner": lease.owner}
        session.execute(update(Strategy).where(Strategy.id == lease.strategy).values(mine))
        return right(session, lease, *arguments, **named)

    return renew


def _late_intents() -> Breakage:
    """The row of an order is taken back in the transaction that writes it, and comes with the answer."""
    intents: dict[int, dict[str, Any]] = {}

    def forgets(right: Function) -> Function:
        def record_step(session: Session, situation: Any, step: Any, *arguments: Any, **named: Any) -> Any:
            recorded = right(session, situation, step, *arguments, **named)
            if isinstance(step, SubmitNew):
                row = session.execute(select(OrderRow.__table__).where(OrderRow.id == recorded.id)).mappings().one()
                intents[recorded.id] = dict(row)
                session.execute(delete(OrderRow).where(OrderRow.id == recorded.id))
            return recorded

        return record_step

    def remembers(right: Function) -> Function:
        def record_answer(session: Session, answer: Any, *arguments: Any, **named: Any) -> Any:
            intent = intents.get(getattr(getattr(answer, "order", None), "id", 0))
            if intent is not None:
                session.execute(insert(OrderRow).values(intent).on_conflict_do_nothing())
            return right(session, answer, *arguments, **named)

        return record_answer

    return {"workers.execution.recording.record_step": forgets, "workers.execution.recording.record_answer": remembers}


def _finds_nothing(_: Function) -> Function:
    return lambda _broker, _situation, order, *_rest: ProvenAbsent(order)


def _takes_the_last(_: Function) -> Function:
    question = states._next_due()  # what is right but for its order
    last_come = question.order_by(None).order_by(question.selected_columns.id.desc())

    def take_next(session: Session, strategy: StrategyKey, now: datetime) -> Due:
        row = session.execute(last_come, {"of_strategy": strategy}).one_or_none()
        if row is None:
            return Due(None)
        if row.state == EventState.WAITING and row.next_attempt_at > now:
            return Due(None, next_at=row.next_attempt_at, waiting=EventId(row.id))
        begun = {"state": EventState.EXECUTING, "started_at": func.coalesce(EventRow.started_at, now)}
        session.execute(update(EventRow).where(EventRow.id == row.id).values(begun | {"next_attempt_at": None}))
        return Due(EventId(row.id), AccountId(row.account_id), row.type in TRADING)

    return take_next


def _takes_alone(_: Function) -> Function:
    """By a statement of its own, which another mutation replaces; the situation is asked for in the next turn."""
    return lambda session, strategy, now: (states.take_next(session, strategy, now), None)


def _forgets_tombstones(right: Function) -> Function:
    return lambda *arguments, **named: replace(right(*arguments, **named), superseded=False)


def _by_direction(_: Function) -> Function:
    def is_asked_again(held: HeldPosition, task: Task) -> bool:
        return (held.proquant_position_id, held.direction) == (task.proquant_position_id, task.direction)

    return is_asked_again


def _takes_part_for_all(right: Function) -> Function:
    def reported(session: Session, order: Order, *arguments: Any, **named: Any) -> Any:
        recorded = right(session, order, *arguments, **named)
        if order.leg is Leg.CLOSE:
            position = select(OrderRow.position_id).where(OrderRow.id == order.id).scalar_subquery()
            session.execute(update(PositionRow).where(PositionRow.id == position).values(state="closed"))
        return recorded

    return reported


def _concludes_what_was_told(right: Function) -> Function:
    """From the 200 that was not noted; but what may have kept it from being noted, it had been given."""

    def finish(session: Session, event: EventId, *arguments: Any, **named: Any) -> Any:
        answered = right(session, event, *arguments, **named)
        session.execute(update(EventRow).where(EventRow.id == event).values(refusal_told=True))
        return answered

    return finish


_UNFENCED: Breakage = {"workers.execution.lease.renew": _believes_any}

MUTANTS = (
    Mutant("nobody checks the lease", {"workers.execution.lease.claim": _takes_any, **_UNFENCED}),
    Mutant("writes do not check the fence", _UNFENCED),
    Mutant("the intent is written after the submit", _late_intents()),
    Mutant("the look-up is skipped", {"workers.execution.broker_calls.look_up": _finds_nothing}),
    Mutant(
        "a send is believed to end with the adapter's deadline",
        {"workers.execution.recording.record_step": with_argument("lease", lambda _: DEADLINE_SECONDS)},
    ),
    Mutant(
        "not found is believed at once",
        {"workers.execution.broker_calls:workers.decision.lookup_patience.conclusive_from": always(LONG_AGO)},
    ),
    Mutant(
        "the sequence is ignored, and what came last runs first",
        {
            "shared.inbox.states.take_next": _takes_the_last,
            "shared.situation.load.take_next_with_situation": _takes_alone,
        },
    ),
    Mutant("a tombstone is ignored", {"shared.situation.load.situation_of": _forgets_tombstones}),
    Mutant("nobody waits for what should have come before", {"workers.decision.planning._grace": always(None)}),
    Mutant("no order needs a mark", {"workers.decision.preconditions.misses_mark": always(False)}),
    Mutant("a flip is known by its id and direction", {"workers.decision.flips.is_asked_again": _by_direction}),
    Mutant("a 200 that was not noted counts as not given", {"shared.inbox.states.finish": _concludes_what_was_told}),
    Mutant("a partly filled close counts as flat", {"shared.ledger.orders.reported": _takes_part_for_all}),
)


@click.command()
@click.argument("words", nargs=-1)
@click.option("--worlds", default=3000, show_default=True, help="How many worlds are played for each at most.")
@click.option("--processes", default=2, show_default=True)
def main(words: tuple[str, ...], worlds: int, processes: int) -> None:
    """Plays worlds until each mutant is found; exits with 1 where one was not."""
    console = Console(highlight=False, soft_wrap=True)
    table = Table("mutant", "found at seed", "worlds played", "seconds", "what was seen")
    missed = False
    for mutant in MUTANTS:
        if words and not any(word in mutant.name for word in words):
            continue
        with console.status(f"playing worlds where {mutant.name} ..."):
            began = time.monotonic()
            played, found = hunt(mutant, worlds, processes)
        seed, seen = (str(found.seed), found.violations[0][:100]) if found else ("-", "nothing")
        table.add_row(mutant.name, seed, str(played), f"{time.monotonic() - began:.0f}", seen)
        console.print(f"{mutant.name}: {f'found at seed {seed}' if found else f'NOT FOUND in {played} worlds'}")
        missed = missed or found is None
    console.print(table)
    sys.exit(missed)


def hunt(mutant: Mutant, worlds: int, processes: int) -> tuple[int, Trial | None]:
    """How many worlds were played, and the first that broke an invariant, if one did."""
    played = 0
    for trial in fleet.play(range(worlds), processes, product=partial(spoiled, mutant.name)):
        played += 1
        if trial.violations:
            return played, trial
    return played, None


def spoiled(name: str) -> AbstractContextManager[None]:
    """The product with the bug of this name."""
    (mutant,) = (mutant for mutant in MUTANTS if mutant.name == name)
    return broken(mutant.breakage)


if __name__ == "__main__":
    main()
