"""The whole conversation over HTTP: a user is onboarded, trades, meets every error, and leaves."""

from collections.abc import Iterator

import pytest

from shared.database.engine import Sessions
from shared.domain import EventType
from tests.simulator import served
from tests.simulator.served import Pair
from tests.simulator.stage import GOLD
from tests.support import in_process_bridge as bridges
from tools.simulator.misbehaviour import Misbehaviour, SentVersions
from tools.simulator.recipes import RECIPES

OPEN, CLOSE, REOPEN = EventType.SIGNAL_OPEN, EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN


@pytest.fixture
def pair(sessions: Sessions, database_url: str) -> Iterator[Pair]:
    """A bridge with the account `alice`, and a simulator."""
    with bridges.running(sessions, database_url, grace=0.1) as bridge:
        bridge.open_account("alice")
        with served.pair(bridge) as both:
            yield both


def connected(pair: Pair, account: str) -> tuple[str, str]:
    """The account's integration, requested, approved, and on for the first strategy: their ids."""
    integration = pair.request_integration(account)
    pair.simulator.app_user.say(integration.id, EventType.INTEGRATION_APPROVED)
    strategy = next(iter(pair.simulator.state.view().strategies))
    pair.simulator.app_user.enable(strategy, integration.id, True)
    return integration.id, strategy


def test_from_the_request_to_the_deletion(pair: Pair) -> None:
    app_user = pair.simulator.app_user
    integration, strategy = connected(pair, "alice")
    for type_ in (OPEN, REOPEN, CLOSE):
        app_user.signal(strategy, type_, GOLD)
    app_user.enable(strategy, integration, False)
    app_user.say(integration, EventType.INTEGRATION_DELETED)
    assert [(call.type, call.answer.status if call.answer else call.failure) for call in pair.calls()] == [
        ("INTEGRATION_APPROVED", 200),
        ("STRATEGY_ENABLED", 200),
        ("SIGNAL_OPEN", 200),
        ("SIGNAL_REOPEN", 200),
        ("SIGNAL_CLOSE", 200),
        ("STRATEGY_DISABLED", 200),
        ("INTEGRATION_DELETED", 200),
    ]
    sides = [(order.side, f"{order.quantity:f}") for order in pair.bridge.orders()]
    assert [side for side, _ in sides] == ["BUY", "SELL", "SELL", "BUY"]
    assert {float(quantity) for _, quantity in sides} == {10.0}
    assert pair.bridge.net() == {}


@pytest.mark.parametrize("error", sorted(set(RECIPES) - {"MarketClosed"}))
def test_the_user_sees_each_error_as_its_own_notification(pair: Pair, error: str) -> None:
    _, strategy = connected(pair, "alice")
    pair.simulator.app_user.cook(strategy, error)
    status, shown = pair.last()
    assert (shown, status is not None and status >= 400) == (error, True)


def test_the_user_sees_that_the_market_is_closed(pair: Pair) -> None:
    pair.bridge.open_account("night", hours="closed")
    _, strategy = connected(pair, "night")
    pair.simulator.app_user.cook(strategy, "MarketClosed")
    assert pair.last() == (409, "MarketClosed")


def test_a_signal_after_the_deletion_is_invalid_credentials(pair: Pair) -> None:
    integration, strategy = connected(pair, "alice")
    pair.simulator.app_user.behave(Misbehaviour(after_deletion=True))
    pair.simulator.app_user.say(integration, EventType.INTEGRATION_DELETED)
    pair.simulator.app_user.signal(strategy, OPEN, GOLD)
    assert pair.last() == (401, "InvalidCredentials")
    assert pair.bridge.orders() == []


def test_a_version_that_the_bridge_does_not_know_is_the_generic_notification_and_no_order(pair: Pair) -> None:
    _, strategy = connected(pair, "alice")
    pair.simulator.app_user.behave(Misbehaviour(versions=SentVersions.V2))
    pair.simulator.app_user.signal(strategy, OPEN, GOLD)
    assert pair.last() == (400, "generic")
    pair.simulator.app_user.behave(Misbehaviour(versions=SentVersions.BOTH))
    pair.simulator.app_user.signal(strategy, REOPEN, GOLD)
    assert pair.last() == (200, "none")
    assert [order.side for order in pair.bridge.orders()] == ["SELL"]


def test_a_duplicate_is_answered_alike_and_executed_once(pair: Pair) -> None:
    _, strategy = connected(pair, "alice")
    pair.simulator.app_user.behave(Misbehaviour(duplicates=1))
    pair.simulator.app_user.signal(strategy, OPEN, GOLD)
    assert [call.answer.status for call in pair.calls()[-2:] if call.answer] == [200, 200]
    assert [order.side for order in pair.bridge.orders()] == ["BUY"]


def test_a_bridge_that_is_away_is_the_generic_notification(pair: Pair) -> None:
    request = {
        "name": "gone",
        "description": "nobody listens there",
        "imageUrl": "https://foo.bar/logo.png",
        "userEmail": "gone@example.com",
        "webhook": {"url": "http://127.0.0.1:1/webhooks/proquant"},
    }
    api = pair.simulator.app.test_client()
    gone = api.post(served.API, json=request).get_json()["id"]
    pair.simulator.app_user.say(gone, EventType.INTEGRATION_APPROVED)
    assert pair.last() == (None, "generic")
    assert "cannot be reached" in pair.calls()[-1].failure
