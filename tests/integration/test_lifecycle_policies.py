"""What becomes of open positions when an integration ends or a strategy is disabled: kept and told of, or closed."""

from dataclasses import replace

import pytest
from sqlalchemy import select, text

from shared.accounts import accounts, instruments, integrations
from shared.accounts.instrument import TradingHours
from shared.accounts.integrations import Attempt
from shared.accounts.orphan_policy import Policy
from shared.database.engine import Sessions
from shared.database.tables.events import EventRow
from shared.domain import EventId, EventType, IntegrationId
from shared.proquant.envelope import read
from shared.proquant.request import signal_body
from tests.support.factories import ALWAYS, GOLD, NEVER
from tests.support.in_process_bridge import Bridge, lifecycle, signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from tools.operations.resolve_event import ResolutionRequest, ResolutionVerdict, resolve
from tools.views import listings
from workers.brokers.base import OrderRejected, OutcomeUnknown


@pytest.fixture
def closing(bridge: Bridge) -> Bridge:
    """A bridge whose account closes what is held, in both cases."""
    choose(bridge, Policy.CLOSE)
    return bridge


def choose(bridge: Bridge, policy: Policy) -> None:
    with bridge.sessions.begin() as session:
        accounts.set_policy(session, bridge.account, policy, policy)


def integrate(bridge: Bridge, email: str) -> str:
    """An integration that ProQuant has taken; returns its token."""
    with bridge.sessions.begin() as session:
        begun = integrations.begin_request(session, bridge.account, email, "Ann", bridge.secret_key)
        assert isinstance(begun, Attempt)
        integrations.requested(session, begun.integration)
    return begun.token


def kinds(bridge: Bridge) -> list[str]:
    return [alert.kind for alert in bridge.alerts()]


def orphaned(bridge: Bridge) -> list[str]:
    with bridge.sessions() as session:
        return [row["strategy_id"] for row in listings.positions(session, None, False, None, only_orphaned=True)]


ENDS = [("INTEGRATION_DELETED", ""), ("INTEGRATION_REJECTED", ""), ("STRATEGY_DISABLED", "s1")]


@pytest.mark.parametrize(("type_", "strategy"), ENDS)
def test_keep_leaves_the_position_lists_it_and_tells_once(bridge: Bridge, type_: str, strategy: str) -> None:
    bridge.post(signal("SIGNAL_OPEN"))
    assert orphaned(bridge) == []
    event = lifecycle(type_, strategy)
    for _ in range(3):
        assert bridge.post(event).status_code == 200
    bridge.settled()
    assert bridge.trades() == ["BUY 10 p1"]
    assert kinds(bridge) == ["orphan"]
    assert orphaned(bridge) == ["s1"]


@pytest.mark.parametrize(("type_", "strategy"), ENDS)
def test_close_closes_it_once_however_often_it_is_said(closing: Bridge, type_: str, strategy: str) -> None:
    closing.post(signal("SIGNAL_OPEN"))
    event = lifecycle(type_, strategy)
    for _ in range(3):
        assert closing.post(event).status_code == 200
    closing.settled()
    assert closing.trades() == ["BUY 10 p1", "SELL 10 "]
    assert closing.open_positions() == []
    assert kinds(closing) == []


def test_the_end_of_an_integration_closes_what_every_strategy_holds(closing: Bridge) -> None:
    closing.post(signal("SIGNAL_OPEN", "A", strategy_id="s1"))
    closing.post(signal("SIGNAL_OPEN", "B", strategy_id="s2", ticker="EURUSD", quantity=1000))
    closing.post(signal("SIGNAL_OPEN", "C", strategy_id="s3"))
    closing.post(signal("SIGNAL_CLOSE", "C", strategy_id="s3"))
    closing.post(lifecycle("INTEGRATION_DELETED"))
    closing.settled()
    assert closing.net() == {}
    assert len(closing.trades()) == 6
    assert [row.type for row in closing.events()].count("ORPHAN_CLOSE") == 2


def test_an_open_from_before_the_end_that_comes_late_opens_nothing(closing: Bridge) -> None:
    late = signal("SIGNAL_OPEN", "late")
    closing.post(lifecycle("INTEGRATION_DELETED"))
    assert closing.post(late).status_code == 401
    closing.settled()
    assert closing.trades() == []


def test_an_open_from_before_the_strategy_was_disabled_and_enabled_again_opens_nothing(closing: Bridge) -> None:
    closing.post(signal("SIGNAL_OPEN", "A"))
    late = signal("SIGNAL_OPEN", "B")
    closing.post(lifecycle("STRATEGY_DISABLED", "s1"))
    closing.settled()
    closing.post(lifecycle("STRATEGY_ENABLED", "s1"))
    assert closing.post(late).status_code == 200  # superseded: in its order, it would have been closed since
    closing.settled()
    assert closing.trades() == ["BUY 10 A", "SELL 10 "]


def test_what_was_opened_after_a_late_end_stays_open(closing: Bridge) -> None:
    late = lifecycle("STRATEGY_DISABLED", "s1")
    closing.post(lifecycle("STRATEGY_ENABLED", "s1"))
    closing.post(signal("SIGNAL_OPEN"))
    closing.post(late)
    closing.settled()
    assert closing.trades() == ["BUY 10 p1"]
    assert orphaned(closing) == []


@pytest.mark.parametrize("by_hand", [True, False])
@pytest.mark.parametrize("type_", ["INTEGRATION_DELETED", "INTEGRATION_REJECTED"])
def test_what_a_signal_of_later_than_the_end_opened_because_it_came_first_is_closed(
    closing: Bridge, type_: str, by_hand: bool
) -> None:
    token = closing.token if by_hand else integrate(closing, "ann@example.com")
    end = lifecycle(type_)
    assert closing.post(signal("SIGNAL_OPEN"), token).status_code == 200
    assert closing.post(end, token).status_code == 200
    closing.settled()
    assert closing.trades() == ["BUY 10 p1", "SELL 10 "]
    assert closing.open_positions() == []


def test_what_was_opened_after_a_new_approval_stays_open_when_the_end_before_it_comes_late(closing: Bridge) -> None:
    late = lifecycle("INTEGRATION_DELETED")
    for event in (lifecycle("INTEGRATION_APPROVED"), signal("SIGNAL_OPEN"), late):
        assert closing.post(event).status_code == 200
    closing.settled()
    assert closing.trades() == ["BUY 10 p1"]


class Died(BaseException):
    """The worker's process is gone."""


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    """A worker whose account closes what is held, and its strategy s1, which holds ten units."""
    made = open_workshop(sessions)
    with sessions.begin() as session:
        accounts.set_policy(session, "alice", Policy.CLOSE, Policy.CLOSE)
    made.run(made.arrives(signal("SIGNAL_OPEN")))
    assert len(made.held()) == 1
    return made


def ended(workshop: WorkerHarness) -> EventId:
    """The user deletes the integration, which is delivered twice; returns the close that follows from it."""
    event = lifecycle("INTEGRATION_DELETED")
    for _ in range(2):
        workshop.arrives(event, answered=True)
    with workshop.sessions() as session:
        return EventId(session.scalars(select(EventRow.id).where(EventRow.type == "ORPHAN_CLOSE")).one())


@pytest.mark.parametrize("at_broker", [True, False])
def test_a_worker_that_dies_in_the_middle_of_the_close_closes_once(workshop: WorkerHarness, at_broker: bool) -> None:
    close = ended(workshop)
    workshop.broker.script.append(Died())
    workshop.broker.lost = at_broker
    with pytest.raises(Died):
        workshop.run(close)
    workshop.broker.lost = False
    for _ in range(3):  # a lease of 60 seconds has ended each time
        workshop.later(61)
        workshop.run(close)
    assert workshop.event(close).state == "done"
    assert workshop.broker.sides() == ["BUY 10", "SELL 10"]
    assert workshop.held() == []
    assert len({order.client_order_id for order in workshop.broker.submitted}) == 2


def test_a_close_that_is_executed_after_a_late_close_of_the_strategy_sells_nothing(workshop: WorkerHarness) -> None:
    before = signal("SIGNAL_CLOSE")
    close = ended(workshop)
    workshop.run(workshop.arrives(before))
    assert workshop.event(close).state == "done"
    assert workshop.broker.sides() == ["BUY 10", "SELL 10"]


def test_a_market_that_is_closed_leaves_the_close_to_a_person_who_retries_it(workshop: WorkerHarness) -> None:
    set_hours(workshop, NEVER)
    close = ended(workshop)
    workshop.run(close)
    assert workshop.event(close).state == "parked"
    assert workshop.alerts() == ["parked"]
    set_hours(workshop, ALWAYS)
    with workshop.sessions.begin() as session:
        resolve(session, close, ResolutionRequest(ResolutionVerdict.RETRY, "ann"), workshop.clock(session))
    workshop.run(close)
    assert workshop.event(close).state == "done"
    assert workshop.held() == []


def set_hours(workshop: WorkerHarness, hours: TradingHours) -> None:
    with workshop.sessions.begin() as session:
        instruments.replace(session, workshop.account, [replace(GOLD, hours=hours)])


def test_a_close_that_the_broker_refuses_is_told_as_an_orphan(workshop: WorkerHarness) -> None:
    workshop.broker.script.append(OrderRejected(None, "no"))
    close = ended(workshop)
    workshop.run(close)
    assert workshop.event(close).state == "refused"
    assert workshop.alerts() == ["orphan"]
    assert len(workshop.held()) == 1


def test_an_open_that_is_under_way_when_the_integration_ends_is_closed_after_it(workshop: WorkerHarness) -> None:
    workshop.run(workshop.arrives(signal("SIGNAL_CLOSE")))
    opening = workshop.arrives(signal("SIGNAL_OPEN", "p2"))
    workshop.broker.script.append(OutcomeUnknown("no answer"))
    workshop.broker.lost = True
    workshop.broker.searched.append(OutcomeUnknown("not yet"))
    workshop.run(opening)
    assert workshop.event(opening).state == "waiting"
    ended(workshop)
    workshop.later(61)
    workshop.run(opening)
    assert workshop.broker.sides() == ["BUY 10", "SELL 10", "BUY 10", "SELL 10"]
    assert workshop.held() == []


def test_the_end_of_one_users_integration_leaves_the_positions_of_another(closing: Bridge) -> None:
    ann, bob = integrate(closing, "ann@example.com"), integrate(closing, "bob@example.com")
    for token, strategy in ((ann, "of-ann"), (bob, "of-bob")):
        closing.post(lifecycle("INTEGRATION_APPROVED"), token)
        assert closing.post(signal("SIGNAL_OPEN", strategy, strategy_id=strategy), token).status_code == 200
    closing.post(lifecycle("INTEGRATION_DELETED"), ann)
    closing.settled()
    assert closing.trades() == ["BUY 10 of-ann", "BUY 10 of-bob", "SELL 10 "]
    assert closing.post(signal("SIGNAL_OPEN", "x", strategy_id="of-ann"), ann).status_code == 401
    assert closing.post(signal("SIGNAL_CLOSE", "of-bob", strategy_id="of-bob"), bob).status_code == 200


def test_two_users_who_delete_their_integrations_in_the_same_millisecond_are_both_heard(closing: Bridge) -> None:
    users = [integrate(closing, f"{name}@example.com") for name in ("ann", "bob")]
    for number, token in enumerate(users):
        closing.post(lifecycle("INTEGRATION_APPROVED"), token)
        assert closing.post(signal("SIGNAL_OPEN", f"p{number}", strategy_id=f"s{number}"), token).status_code == 200
    deleted = lifecycle("INTEGRATION_DELETED")
    for token in [*users, *users]:
        assert closing.post(deleted, token).status_code == 200
    closing.settled()
    assert closing.trades() == ["BUY 10 p0", "BUY 10 p1", "SELL 10 ", "SELL 10 "]
    assert [row.type for row in closing.events()].count("INTEGRATION_DELETED") == len(users)
    for number, token in enumerate(users):
        assert closing.post(signal("SIGNAL_OPEN", f"q{number}", strategy_id=f"s{number}"), token).status_code == 401


def test_a_rejected_copy_of_an_approved_request_ends_nothing(bridge: Bridge) -> None:
    token = integrate(bridge, "ann@example.com")
    rejected, approved = lifecycle("INTEGRATION_REJECTED"), lifecycle("INTEGRATION_APPROVED")
    again = lifecycle("INTEGRATION_REJECTED")
    for event in (again, approved, rejected):
        assert bridge.post(event, token).status_code == 200
    assert bridge.post(signal("SIGNAL_OPEN"), token).status_code == 200


def test_a_rejected_copy_of_an_approved_request_closes_nothing(closing: Bridge) -> None:
    token = integrate(closing, "ann@example.com")
    for event in (lifecycle("INTEGRATION_APPROVED"), signal("SIGNAL_OPEN"), lifecycle("INTEGRATION_REJECTED")):
        assert closing.post(event, token).status_code == 200
    closing.settled()
    assert [trade.split()[0] for trade in closing.trades()] == ["BUY"]
    assert kinds(closing) == []


def test_a_type_of_ours_that_somebody_else_sends_closes_nothing(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN"))
    forged = signal_body(lifecycle("STRATEGY_DISABLED", "s1")).replace(b"STRATEGY_DISABLED", b"ORPHAN_CLOSE")
    assert read(forged).event.type == "ORPHAN_CLOSE"
    assert bridge.post(forged).status_code == 200
    bridge.settled()
    assert bridge.trades() == ["BUY 10 p1"]
    assert [row.state for row in bridge.events()] == ["done", "skipped"]


def test_an_integration_changes_while_its_signals_refer_to_it(bridge: Bridge) -> None:
    integrate(bridge, "ann@example.com")
    with bridge.sessions.begin() as another, bridge.sessions.begin() as session:
        row = another.execute(text("SELECT id FROM integrations FOR KEY SHARE")).scalar_one()
        session.execute(text("SET LOCAL lock_timeout = '1s'"))
        integrations.apply_lifecycle(session, IntegrationId(row), EventType.INTEGRATION_APPROVED, 1000)
