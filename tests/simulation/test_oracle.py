"""The judge's rule about the order of orders: which one case it lets pass, and that it lets pass no other."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shared.domain import ClientOrderId, Direction, Leg
from tests.simulation import oracle
from tests.simulation.books import Entry
from tests.simulation.views import accepted
from tests.support.judge import trading
from tests.support.judge.facts import EventFact, OrderFact
from workers.brokers.base import OrderRequest

BEGUN = datetime(2030, 1, 7, tzinfo=UTC)
SECOND = timedelta(seconds=1)
FULL = Decimal(10)


def test_what_was_known_before_the_later_flip_began_is_out_of_order() -> None:
    assert wrong(early_flip(received_at=BEGUN - SECOND), later_flip())


@pytest.mark.parametrize("kind", ["SIGNAL_REOPEN", "SIGNAL_CLOSE"])
def test_the_rest_that_a_later_event_left_may_be_closed_by_what_nobody_could_have_known(kind: str) -> None:
    assert not wrong(early_flip(), replace(later_flip(), type=kind))


@pytest.mark.parametrize(
    "other",
    [{"state": "done"}, {"type": "SIGNAL_CLOSE", "state": "done"}, {"type": "SIGNAL_OPEN"}, {"started_at": None}],
    ids=lambda other: f"{other}",
)
def test_after_any_other_event_it_is_out_of_order(other: dict[str, str | None]) -> None:
    assert wrong(early_flip(), replace(later_flip(), **other))  # type: ignore[arg-type]  # fields that exist


def test_after_a_flip_that_left_nothing_it_is_out_of_order() -> None:
    later = later_flip()
    closed = replace(later.orders[0], state="filled", filled=FULL)
    assert wrong(early_flip(), replace(later, orders=(closed,)))


def test_an_order_is_compared_with_all_before_it_and_not_only_with_the_last() -> None:
    first, second, third = (event(number, "SIGNAL_OPEN", "done") for number in (1, 2, 3))
    found = out_of_order(third, first, second)
    assert [subject.split()[1] for subject in found] == ["1", "2"]


def test_a_refusal_that_came_late_hides_what_the_same_order_became_and_nothing_else() -> None:
    """From then on a look-up shows the refusal; but that of another order hides nothing."""
    executed, other = entry(event(1, "SIGNAL_REOPEN", "done")), entry(event(2, "SIGNAL_REOPEN", "done"))
    refused = replace(executed, late=True, state="rejected", fills=[])
    assert oracle._hides_another(refused, [executed, refused])
    assert not oracle._hides_another(refused, [other, refused])


def wrong(early: EventFact, later: EventFact) -> list[str]:
    return out_of_order(later, early)


def out_of_order(*executed: EventFact) -> list[str]:
    """The events that the judge finds to have been executed too late."""
    orders = {each.orders[0].client_order_id: each.orders[0] for each in executed}
    found = trading._in_order([accepted(entry(e)) for e in executed], orders, {e.id: e for e in executed})
    return [each.subject for each in found]


def early_flip(received_at: datetime = BEGUN + SECOND) -> EventFact:
    return replace(event(1, "SIGNAL_REOPEN", "done"), received_at=received_at)


def later_flip() -> EventFact:
    return event(2, "SIGNAL_REOPEN", "refused")


def event(number: int, kind: str, state: str) -> EventFact:
    order = OrderFact(
        number, number, "close", 0, f"order-{number}", "X", "SELL", FULL, "partially_filled", Decimal(6), FULL, 1, None
    )
    return EventFact(
        number, "a", "s0", kind, number, number, "p", "SELL", "X", FULL, FULL, state, None, None, None,
        BEGUN, None, BEGUN, BEGUN + SECOND, (order,),
    )  # fmt: skip


def entry(event: EventFact) -> Entry:
    order = event.orders[0]
    request = OrderRequest(
        ClientOrderId(order.client_order_id),
        "X",
        Direction.SELL,
        FULL,
        Leg.CLOSE,
        event.strategy_id,
        event.position or "",
    )
    return Entry(request, event.id, 0.0, late=False, state="filled", fills=[Decimal(6)])
