"""The short way to a first order: an event that just came to a strategy at rest, as most do.

It is looked at without a lock, and decided about; then one statement leases the strategy, takes the event up and places
the order, if nothing has changed meanwhile. Two ways to the database and back instead of five. Whatever is otherwise is
left to the long way (`transaction.begin`), as if nothing had been looked at.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import select, true

from shared.accounts.orphan_policy import TRADING
from shared.database.prepared import Link, Statement
from shared.domain import EventId, OrderId
from shared.inbox import states
from shared.ledger import intents
from shared.ledger.intents import placing_values
from shared.situation.load import Untouched, assess_untouched
from shared.situation.model import Order, Situation
from workers.decision import planning
from workers.decision.steps import Heard, Place
from workers.execution import lease as leases
from workers.execution.context import AtHand, Workbench
from workers.execution.lease import Lease
from workers.execution.recording import intended
from workers.execution.transaction import Asking, Decided, Hand, Turn, lease_seconds, limits_of

_LEASED = leases.claiming_untouched()
_PLACED = intents.placing(states.taking_fresh(_LEASED))
_PLACE = Statement(select(_PLACED.c.id, _LEASED.c.fence).select_from(_PLACED).join(_LEASED, true()))


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was looked at, at `now`, which is later than `monotonic`."""

    untouched: Untouched
    situation: Situation
    at_hand: AtHand
    now: datetime
    monotonic: float


def begin(bench: Workbench, rung: EventId) -> Turn | None:
    """The turn that placed the order of the event that was rung; None where it is not as simple as that.

    Where it raises, the order may have been placed, as after any commit that raised: then the strategy is leased.
    """
    seen = None if bench.stopping() else _look(bench, rung)
    if seen is None:
        return None
    step = planning.next_step(seen.situation, Heard(), seen.now, limits_of(bench, seen.at_hand))
    return _place(bench, seen, step) if isinstance(step, Place) else None


def _look(bench: Workbench, rung: EventId) -> _Seen | None:
    monotonic = bench.monotonic()
    with bench.statements.begin() as link:
        now = bench.clock(link)
        found = assess_untouched(link, rung)
    if found is None or found[1].task.type not in TRADING:
        return None
    at_hand = bench.at_hand.get(found[1].account_id)
    if at_hand is None or at_hand.promises.marks:
        return None  # the broker has to be asked something first
    return _Seen(*found, at_hand, now, monotonic)


def _place(bench: Workbench, seen: _Seen, step: Place) -> Turn | None:
    s, seconds, owner = seen.situation, lease_seconds(bench, seen.at_hand), bench.owner()
    until = seen.now + timedelta(seconds=seconds)
    order = intended(s, step, None, until)
    with bench.statements.begin() as link:
        placed = _placed(link, seen, order, step.position_id, owner, until)
    if placed is None:
        return None
    order, fence = placed
    lease = Lease(seen.untouched.strategy, owner, fence, seconds, seen.monotonic + seconds)
    asking = Asking(step, s, order, seen.now)
    hand = Hand(lease, s.task.id, s.account_id, seen.at_hand, number=1, asking=asking)
    return Turn(hand, (Decided(s.task.id, step),))


def _placed(
    link: Link, seen: _Seen, order: Order, position_id: int | None, owner: str, until: datetime
) -> tuple[Order, int] | None:
    """The stored order and the lease's fence; None where the strategy is not as it was seen: nothing was written."""
    values = placing_values(seen.situation, order, position_id) | {
        "event": seen.situation.task.id,
        "at": seen.now,
        "strategy": seen.untouched.strategy,
        "seen_fence": seen.untouched.fence,
        "seen_seq": seen.untouched.last_seq,
        "now": seen.now,
        "owner": owner,
        "until": until,
    }
    row = _PLACE.row(link, values)
    return None if row is None else (replace(order, id=OrderId(row.id)), row.fence)
