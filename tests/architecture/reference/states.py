"""Draws the state graphs of events and orders from the tables in the code, for docs/reference/states.md."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from shared.domain import EVENT_TRANSITIONS, ORDER_TRANSITIONS, EventState, OrderState

S = TypeVar("S", EventState, OrderState)

EVENT_MOVES: dict[tuple[EventState, EventState], tuple[str, str]] = {
    (EventState.RECEIVED, EventState.EXECUTING): ("worker", "it holds the strategy's lease, and the event is next"),
    (EventState.EXECUTING, EventState.EXECUTING): ("worker", "a lease ran out; another worker takes the event over"),
    (EventState.EXECUTING, EventState.WAITING): (
        "worker",
        "a retry, a look-up, or grace for a delivery out of order; due again at `next_attempt_at`",
    ),
    (EventState.EXECUTING, EventState.PARKED): ("worker", "only a person can settle it; one is alerted"),
    (EventState.EXECUTING, EventState.DONE): ("worker", "what was asked for is so, at the broker and in the ledger"),
    (EventState.EXECUTING, EventState.REFUSED): ("worker", "denied by the bridge, or rejected by the broker"),
    (EventState.EXECUTING, EventState.SKIPPED): ("worker", "rightly without effect: superseded, duplicate, irrelevant"),
    (EventState.WAITING, EventState.EXECUTING): ("worker", "it is due again"),
    (EventState.WAITING, EventState.PARKED): ("worker", "our own code has failed over it too often; one is alerted"),
    (EventState.PARKED, EventState.RECEIVED): ("person", "it is resolved; a worker goes on where it had stopped"),
}
_ANSWERS = {
    OrderState.ACCEPTED: "the broker has it, and it is still working",
    OrderState.FILLED: "the whole quantity is filled",
    OrderState.PARTIALLY_FILLED: "a part is filled, and the rest was cancelled",
    OrderState.REJECTED: "the broker has definitively refused it",
    OrderState.CANCELLED: "the broker ended it with nothing filled",
}
ORDER_MOVES: dict[tuple[OrderState, OrderState], tuple[str, str]] = {
    (OrderState.PLANNED, OrderState.SUBMITTING): ("worker", "committed right before it is sent once more"),
    (OrderState.PLANNED, OrderState.CANCELLED): ("worker", "withdrawn: it was never at the broker, and is not needed"),
    (OrderState.SUBMITTING, OrderState.PLANNED): ("adapter", "proven not to have been accepted"),
    (OrderState.SUBMITTING, OrderState.UNKNOWN): ("adapter", "the call ended without evidence"),
    (OrderState.UNKNOWN, OrderState.UNKNOWN): ("look-up", "proved nothing; asked again later"),
    (OrderState.UNKNOWN, OrderState.PLANNED): ("look-up", "not found, late enough for that to be a proof"),
    **{(OrderState.SUBMITTING, state): ("adapter", why) for state, why in _ANSWERS.items()},
    **{(OrderState.UNKNOWN, state): ("look-up", why) for state, why in _ANSWERS.items()},
    **{(OrderState.ACCEPTED, state): ("look-up", why) for state, why in _ANSWERS.items()},
}
INTRODUCTION = """\
# States

`make docs` writes this page from `shared/domain.py`; a test compares the two.
The database's rows are the truth about both graphs, and nothing moves along an arrow that is not drawn here.
"""
ABOUT_EVENTS = """\
## Events

`received` is where the receiver stores an event. `shared/inbox/states.py` alone moves it on, in transactions that begin
by renewing the strategy's lease: a worker that has lost the lease changes nothing.
"""
ABOUT_ORDERS = """\
## Orders

An order's first row is `submitting`, committed before it is sent (`shared/ledger/intents.py`): from then on it may be
at the broker, and only evidence moves it on. `shared/ledger/orders.py` alone does, with its fast path
`shared/ledger/full_fill.py` for what was filled at once. *adapter*: the answer to the submit; *look-up*: the answer to
the question what became of it.
"""


def page() -> str:
    """The whole page. Raises KeyError for an arrow of the code that nobody has described."""
    return "\n".join(
        [
            INTRODUCTION,
            ABOUT_EVENTS,
            _graph(EVENT_TRANSITIONS, EventState.RECEIVED),
            _table(EVENT_TRANSITIONS, EVENT_MOVES),
            ABOUT_ORDERS,
            _graph(ORDER_TRANSITIONS, OrderState.SUBMITTING),
            _table(ORDER_TRANSITIONS, ORDER_MOVES),
        ]
    )


def _graph(transitions: Mapping[S, Iterable[S]], first: S) -> str:
    lines: list[str] = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
    for before, targets in transitions.items():
        lines += [f"    {before} --> {after}" for after in sorted(targets)] or [f"    {before} --> [*]"]
    return "\n".join([*lines, "```", ""])


def _table(transitions: Mapping[S, Iterable[S]], moves: Mapping[tuple[S, S], tuple[str, str]]) -> str:
    lines: list[str] = ["| from | to | moved by | when |", "|---|---|---|---|"]
    for before, targets in transitions.items():
        for after in sorted(targets):
            by, when = moves[before, after]
            lines.append(f"| `{before}` | `{after}` | {by} | {when} |")
    return "\n".join([*lines, ""])
