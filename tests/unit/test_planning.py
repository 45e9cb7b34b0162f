"""How an event is planned and how it ends, rule by rule: one line of a table, one rule."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from shared.domain import Direction, ErrorType, EventState, EventType, GenericError, Leg, OrderState, SkipReason
from tests.support.factories import GOLD, NEVER, NOW, NOW_MS, held
from tests.support.planning_dsl import BUY_TEN, CLOSE, OPEN, REOPEN, SELL_SEVEN, closed, decide, ending, opened
from workers.decision.steps import Finish, Retry, SubmitNew, WaitUntil

FUNDS = ErrorType.INSUFFICIENT_FUNDS
OLD = {"moment": (NOW_MS - 301_000, 2)}
LONG_AGO = (NOW_MS - 10**9, 1)
WAITED = {"received_at": NOW - timedelta(seconds=3)}
SAME = held(proquant_position_id="p1", signalled=Decimal(10))  # what the event asks for
LATER_HELD = held(as_of=(NOW_MS + 1, 3))


def test_an_open_places_what_it_asks_for() -> None:
    assert decide(OPEN) == BUY_TEN


def test_an_open_places_its_quantity_times_the_accounts_multiplier() -> None:
    assert decide(OPEN, multiplier=Decimal("0.5")) == replace(BUY_TEN, quantity=Decimal(5))


@pytest.mark.parametrize("direction", Direction)
def test_a_close_undoes_what_is_held_whatever_it_says(direction: Direction) -> None:
    says = {"direction": direction, "quantity": Decimal(99), "ticker": "OTHER", "proquant_position_id": "unheard-of"}
    assert decide(CLOSE, event=says, held=held()) == SELL_SEVEN


def test_a_reopen_closes_what_is_held_before_anything_else() -> None:
    assert decide(REOPEN, event={"direction": Direction.SELL}, held=held()) == SELL_SEVEN


def test_a_reopen_opens_when_its_close_leg_is_filled_and_nothing_is_held() -> None:
    assert decide(REOPEN, orders=(closed(),)) == BUY_TEN


def test_a_reopen_with_nothing_held_opens() -> None:
    assert decide(REOPEN) == BUY_TEN


@pytest.mark.parametrize(
    ("type_", "so", "outcome"),
    [
        # decision 5: deliveries out of order
        (OPEN, {"superseded": True}, SkipReason.SUPERSEDED),
        (REOPEN, {"superseded": True}, SkipReason.SUPERSEDED),
        (REOPEN, {"superseded": True, "held": held()}, SkipReason.SUPERSEDED),
        (REOPEN, {"superseded": True, "orders": (closed(),)}, SkipReason.SUPERSEDED),
        (OPEN, {"held": held(), "event": WAITED}, ErrorType.POSITION_ALREADY_EXISTS),
        (CLOSE, {"event": WAITED}, ErrorType.POSITION_NOT_FOUND),
        (CLOSE, {"names_closed": True}, ErrorType.POSITION_NOT_FOUND),
        (CLOSE, {"names_closed": True, "held": held()}, ErrorType.POSITION_NOT_FOUND),
        (CLOSE, {"held": LATER_HELD}, ErrorType.POSITION_NOT_FOUND),
        (REOPEN, {"held": SAME}, SkipReason.DUPLICATE),
        # decision 6: age
        (OPEN, {"event": OLD}, GenericError.EXPIRED),
        (REOPEN, {"event": OLD}, GenericError.EXPIRED),
        (REOPEN, {"event": OLD, "orders": (closed(),)}, GenericError.EXPIRED),
        # what the user and the operator have said
        (OPEN, {"approved": False}, ErrorType.INVALID_CREDENTIALS),
        (OPEN, {"ended": True}, ErrorType.INVALID_CREDENTIALS),
        (CLOSE, {"approved": False, "held": held()}, ErrorType.INVALID_CREDENTIALS),
        (REOPEN, {"approved": False, "held": held()}, ErrorType.INVALID_CREDENTIALS),
        (OPEN, {"paused": True}, GenericError.ACCOUNT_PAUSED),
        (OPEN, {"enabled": False}, GenericError.STRATEGY_DISABLED),
        # instrument, quantity, market
        (OPEN, {"instrument": None}, ErrorType.UNSUPPORTED_INSTRUMENT),
        (OPEN, {"event": {"quantity": Decimal("0.5")}}, ErrorType.QUANTITY_TOO_LOW),
        (OPEN, {"event": {"quantity": Decimal(1001)}}, ErrorType.QUANTITY_TOO_HIGH),
        (OPEN, {"event": {"quantity": Decimal("1.01")}}, ErrorType.INVALID_QUANTITY_PRECISION),
        (OPEN, {"instrument": replace(GOLD, hours=NEVER)}, ErrorType.MARKET_CLOSED),
        (CLOSE, {"held": held(), "held_instrument": replace(GOLD, hours=NEVER)}, ErrorType.MARKET_CLOSED),
        (REOPEN, {"held": held(), "held_instrument": replace(GOLD, hours=NEVER)}, ErrorType.MARKET_CLOSED),
        # how orders ended
        (OPEN, {"orders": (opened(),), "held": held()}, EventState.DONE),
        (OPEN, {"orders": (opened(OrderState.CANCELLED),)}, GenericError.REJECTED),
        (
            OPEN,
            {"orders": (opened(OrderState.REJECTED, error=ErrorType.INSUFFICIENT_FUNDS),)},
            ErrorType.INSUFFICIENT_FUNDS,
        ),
        (OPEN, {"orders": (opened(OrderState.REJECTED),)}, GenericError.REJECTED),
        (CLOSE, {"orders": (closed(),)}, EventState.DONE),
        (CLOSE, {"orders": (closed(OrderState.REJECTED),), "held": held()}, GenericError.REJECTED),
        (REOPEN, {"orders": (closed(OrderState.REJECTED),), "held": held()}, GenericError.REJECTED),
        (REOPEN, {"orders": (closed(), opened()), "held": held()}, EventState.DONE),
        (REOPEN, {"orders": (closed(), opened(OrderState.REJECTED)), "held": None}, GenericError.REJECTED),
        # an order that is proven not to be at the broker, when it is not meant any more
        (OPEN, {"orders": (opened(OrderState.PLANNED),), "superseded": True}, SkipReason.SUPERSEDED),
        (OPEN, {"orders": (opened(OrderState.PLANNED),), "held": held()}, ErrorType.POSITION_ALREADY_EXISTS),
        (OPEN, {"orders": (opened(OrderState.PLANNED),), "event": OLD}, GenericError.EXPIRED),
        (CLOSE, {"orders": (closed(OrderState.CANCELLED),)}, EventState.DONE),
        # no signal
        (None, {}, SkipReason.IRRELEVANT),
        (EventType.STRATEGY_ENABLED, {}, EventState.DONE),
        (EventType.INTEGRATION_DELETED, {"ended": True}, EventState.DONE),
    ],
)
def test_how_an_event_ends(type_: EventType | None, so: dict[str, object], outcome: object) -> None:
    assert ending(decide(type_, **so)) == outcome  # type: ignore[arg-type]  # the table names fields that exist


def test_a_reopen_of_what_is_held_says_as_of_when_it_is_held() -> None:
    step = decide(REOPEN, held=SAME)
    assert isinstance(step, Finish)
    assert step.confirms == SAME.id


@pytest.mark.parametrize(
    "other",
    [
        {"proquant_position_id": "p2"},
        {"direction": Direction.SELL},
        {"ticker": "XAGUSD"},
        {"signalled": Decimal(11)},
        {"quantity": Decimal(4)},  # a part of it was closed
        {"signalled": Decimal(7)},  # as many as are held: what counts is what ProQuant has said
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_reopen_that_differs_from_what_is_held_is_a_flip(other: dict[str, object]) -> None:
    step = decide(REOPEN, held=replace(SAME, **other))  # type: ignore[arg-type]  # fields that exist
    assert isinstance(step, SubmitNew)
    assert step.leg is Leg.CLOSE


@pytest.mark.parametrize(
    ("type_", "so"),
    [
        (CLOSE, {"held": held(as_of=LONG_AGO), "event": OLD}),
        (REOPEN, {"held": held(as_of=LONG_AGO), "event": OLD}),
        (CLOSE, {"held": held(), "paused": True, "enabled": False, "ended": True, "instrument": None}),
        (REOPEN, {"held": held(), "paused": True, "enabled": False, "instrument": None}),
        (CLOSE, {"held": held(proquant_position_id="p1"), "names_closed": True}),  # an id that has survived a flip
        (CLOSE, {"held": held(), "something_parked": True}),
    ],
    ids=["old close", "old reopen", "hindered close", "hindered reopen", "same id", "something parked"],
)
def test_what_is_held_is_closed_whatever_hinders_an_open(type_: EventType, so: dict[str, object]) -> None:
    assert decide(type_, **so) == SELL_SEVEN  # type: ignore[arg-type]  # the table names fields that exist


@pytest.mark.parametrize(
    ("type_", "so"),
    [(CLOSE, {}), (OPEN, {"held": held()})],
    ids=["a close that finds nothing", "an open that finds another position"],
)
def test_an_event_that_came_too_early_waits_from_its_receipt_on(type_: EventType, so: dict[str, object]) -> None:
    step = decide(type_, event={"received_at": NOW - timedelta(seconds=1.5)}, **so)  # type: ignore[arg-type]
    assert isinstance(step, WaitUntil)
    assert step.at == NOW + timedelta(seconds=0.5)


@pytest.mark.parametrize("names_closed", [True, False])
def test_a_close_that_finds_nothing_waits_while_a_person_looks_at_another_event(names_closed: bool) -> None:
    assert isinstance(decide(CLOSE, event=WAITED, something_parked=True, names_closed=names_closed), Retry)


def test_a_flip_in_the_other_direction_under_the_same_id_is_no_duplicate() -> None:
    step = decide(REOPEN, event={"direction": Direction.SELL}, held=held(proquant_position_id="p1"))
    assert step == SELL_SEVEN
