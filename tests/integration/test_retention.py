"""What is old is forgotten, what may still decide something stays, and what comes again trades nothing."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import select, update

from shared.accounts import accounts
from shared.accounts.orphan_policy import Policy
from shared.database.engine import Sessions
from shared.database.tables.alerts import Alert, DeliveryRow
from shared.database.tables.events import AnswerRow, EventRow
from shared.database.tables.orders import OrderRow, PositionRow
from shared.domain import EventId
from shared.inbox import retention
from tests.support.aged_events import KEPT, MONTH, OVER_A_YEAR, counts, forget, grow_old, ledger_is_well, left, tell
from tests.support.in_process_bridge import Bridge, lifecycle, signal
from tools.views import receipt as receipts


def test_what_is_over_goes_with_all_that_is_its_own_and_the_last_that_was_done_stays(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p1"), ("CLOSE", "p1"), ("CLOSE", "p1b"), ("OPEN", "p2"), ("CLOSE", "p2"))
    grow_old(bridge, MONTH)
    assert forget(bridge.sessions) == 4
    assert left(bridge) == ["CLOSE p2"]
    assert counts(bridge.sessions)[:4] == [1, 1, 1, 0]
    with bridge.sessions() as session:
        receipt = receipts.receipt(session, bridge.events()[0].id)
    assert receipt is not None
    assert [order["state"] for order in receipt["orders"]] == ["filled"]
    ledger_is_well(bridge)


def test_what_is_not_old_stays(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p1"), ("CLOSE", "p1"), ("OPEN", "p2"), ("CLOSE", "p2"))
    grow_old(bridge, KEPT - timedelta(hours=1))
    assert forget(bridge.sessions) == 0


def test_what_was_refused_lately_stays_too(bridge: Bridge) -> None:
    tell(bridge, ("CLOSE", "p1"), ("CLOSE", "p2"))
    assert forget(bridge.sessions) == 0
    grow_old(bridge, MONTH)
    assert forget(bridge.sessions) == 1


def test_a_refusal_that_may_have_been_told_to_nobody_stays_until_somebody_is_told(bridge: Bridge) -> None:
    tell(bridge, ("CLOSE", "p1"), ("CLOSE", "p2"))
    grow_old(bridge, MONTH)
    with bridge.sessions.begin() as session:
        session.execute(update(EventRow).values(refusal_told=False))
    assert forget(bridge.sessions) == 0
    with bridge.sessions.begin() as session:
        session.execute(update(EventRow).values(refusal_told=True))
    assert forget(bridge.sessions) == 1


def test_a_later_event_that_came_to_nothing_does_not_stand_for_one_that_traded(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p1"), ("CLOSE", "p1"))
    bridge.post(signal("SIGNAL_OPEN", "p2", quantity=Decimal(5000)))
    bridge.settled()
    grow_old(bridge, MONTH)
    forget(bridge.sessions)
    assert [(row.type, row.error_type) for row in bridge.events()] == [
        ("SIGNAL_CLOSE", None),
        ("SIGNAL_OPEN", "InsufficientFunds"),
    ]


def test_a_position_stays_as_long_as_the_event_that_opened_it(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p1"), ("CLOSE", "p1"), ("OPEN", "p2"), ("CLOSE", "p2"))
    grow_old(bridge, MONTH)
    now = datetime.now(UTC)
    with bridge.sessions.begin() as session:
        session.add(AnswerRow(event_id=1, status=200, body="", first_at=now, last_at=now, times=1))
    forget(bridge.sessions)
    assert left(bridge) == ["OPEN p1", "CLOSE p2"]
    with bridge.sessions() as session:
        assert session.scalars(select(PositionRow.opened_by)).all() == [1]


def test_what_befell_a_strategy_while_it_held_stays_so_that_it_closes_nothing_when_it_comes_again(
    bridge: Bridge,
) -> None:
    tell(bridge, ("OPEN", "p1"))
    disabled = lifecycle("STRATEGY_DISABLED", "s1")
    bridge.post(disabled)
    bridge.settled()
    (again,) = grow_old(bridge, MONTH, [disabled])
    assert forget(bridge.sessions) == 0
    with bridge.sessions.begin() as session:
        accounts.set_policy(session, bridge.account, Policy.CLOSE, Policy.CLOSE)
    bridge.post(again)
    bridge.settled()
    assert bridge.trades() == ["BUY 10 p1"]


def test_what_is_held_stays_with_the_event_that_opened_it_however_old_it_is(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p1"), ("REOPEN", "p2"), ("REOPEN", "p3"), ("OPEN", "p4"))
    grow_old(bridge, MONTH)
    forget(bridge.sessions)
    assert left(bridge) == ["REOPEN p3", "OPEN p4"]
    assert [row.proquant_position_id for row in bridge.open_positions()] == ["p3"]
    ledger_is_well(bridge)
    tell(bridge, ("CLOSE", "p3"))
    assert bridge.open_positions() == []
    assert set(bridge.net().values()) <= {0}
    ledger_is_well(bridge)


def test_a_position_that_was_held_for_long_stays_for_as_long_after_its_end(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p1"))
    grow_old(bridge, MONTH)
    tell(bridge, ("CLOSE", "p1"), ("OPEN", "p2"), ("CLOSE", "p2"))
    assert forget(bridge.sessions) == 0
    grow_old(bridge, MONTH)
    assert forget(bridge.sessions) == 3


def test_what_has_closed_a_part_of_what_is_held_stays(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p0"), ("CLOSE", "p0"), ("OPEN", "p1"), ("CLOSE", "p1"))
    with bridge.sessions.begin() as session:
        session.execute(update(PositionRow).where(PositionRow.id == 1).values(state="open", closed_at=None))
        late = select(EventRow.timestamp_ms).where(EventRow.id == 3).scalar_subquery()
        session.execute(update(EventRow).where(EventRow.id == 1).values(timestamp_ms=late))  # delivered out of order
    grow_old(bridge, MONTH)
    forget(bridge.sessions)
    assert left(bridge) == ["OPEN p0", "CLOSE p0", "OPEN p1", "CLOSE p1"]


@pytest.mark.parametrize("state", ["received", "executing", "waiting", "parked"])
def test_while_anything_is_unfinished_nothing_of_its_strategy_goes(
    sessions: Sessions, bridge: Bridge, state: str
) -> None:
    tell(bridge, ("OPEN", "p1"), ("CLOSE", "p1"), ("OPEN", "p2"), ("CLOSE", "p2"))
    grow_old(bridge, MONTH)
    with sessions.begin() as session:  # never committed as such: a worker would take it up
        session.execute(update(EventRow).where(EventRow.id == 4).values(state=state, finished_at=None))
        assert retention.forget_events(session, datetime.now(UTC) - KEPT, EventId(0)).events == 0
        session.rollback()
    assert forget(sessions) == 3


def test_an_unsettled_order_keeps_its_event_even_where_that_says_it_is_finished(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p1"), ("CLOSE", "p1"), ("OPEN", "p2"), ("CLOSE", "p2"))
    grow_old(bridge, MONTH)
    with bridge.sessions.begin() as session:
        session.execute(update(OrderRow).where(OrderRow.event_id == 1).values(state="unknown"))
    forget(bridge.sessions)
    assert left(bridge) == ["OPEN p1", "CLOSE p2"]


def test_what_was_delivered_again_or_told_of_lately_stays(bridge: Bridge) -> None:
    tell(bridge, ("OPEN", "p1"), ("CLOSE", "p1"), ("OPEN", "p2"), ("CLOSE", "p2"))
    grow_old(bridge, MONTH)
    now = datetime.now(UTC)
    with bridge.sessions.begin() as session:
        session.add(AnswerRow(event_id=1, status=200, body="", first_at=now - MONTH, last_at=now, times=2))
        session.add(Alert(kind="conflict", event_id=2, detail="Not told yet.", at=now - MONTH))
        session.add(Alert(id=99, kind="conflict", event_id=3, detail="Told once.", at=now - MONTH, routed_at=now))
        session.flush()
        session.add(DeliveryRow(alert_id=99, channel="mail", topic="t", state="pending"))
    assert forget(bridge.sessions) == 0
    with bridge.sessions.begin() as session:
        session.execute(update(AnswerRow).values(last_at=now - MONTH))
        session.execute(update(Alert).values(routed_at=now))
        session.execute(update(DeliveryRow).values(state="sent"))
    assert forget(bridge.sessions) == 3
    assert counts(bridge.sessions)[4:7] == [0, 0, 0]


def test_what_ends_an_integration_stays_and_what_a_strategy_was_told_goes(bridge: Bridge) -> None:
    for event in (lifecycle("INTEGRATION_APPROVED"), lifecycle("STRATEGY_ENABLED", "s1")):
        assert bridge.post(event).status_code == 200
        bridge.settled()
    grow_old(bridge, MONTH)
    forget(bridge.sessions)
    assert left(bridge) == ["INTEGRATION_APPROVED"]


@pytest.mark.parametrize("age", [MONTH, OVER_A_YEAR], ids=["month", "over a year"])
@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_delivered_again_after_it_was_forgotten_trades_nothing(
    bridge: Bridge, seed: int, age: timedelta
) -> None:
    """Over a year ago a timestamp is no age any more: then it is the later events alone that say no."""
    dice = random.Random(seed)
    told = [(dice.choice(("OPEN", "CLOSE", "REOPEN")), f"p{dice.randint(n // 3, n)}") for n in range(10)]
    told.append(dice.choice((("CLOSE", "p99"), ("OPEN", "p98"))))
    old = grow_old(bridge, age, tell(bridge, *told))
    before = bridge.trades(), [row.proquant_position_id for row in bridge.open_positions()]
    assert forget(bridge.sessions) > 0
    for event in old:
        bridge.post(event)
    bridge.settled()
    assert (bridge.trades(), [row.proquant_position_id for row in bridge.open_positions()]) == before
    ledger_is_well(bridge)
