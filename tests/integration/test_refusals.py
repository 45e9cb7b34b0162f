"""Each of the nine errors from real state, with status, header, content type and body as the guide wants them."""

from decimal import Decimal

import pytest
from werkzeug.test import TestResponse

from shared.database.engine import Sessions
from shared.domain import Direction
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge, lifecycle, signal


def assert_error(answer: TestResponse, status: int, type_: str) -> None:
    assert answer.json is not None
    assert answer.json["type"] == type_
    assert set(answer.json) == {"type", "detail"}
    assert answer.status_code == status
    assert answer.headers["x-proquant-error"] == "1"
    assert answer.mimetype == "application/json"


def assert_generic(answer: TestResponse, status: int, word: str) -> None:
    assert answer.json is not None
    assert answer.json["error"] == word
    assert answer.status_code == status
    assert "x-proquant-error" not in answer.headers


@pytest.mark.parametrize("token", ["wrong", "", "x" * 10_000])
def test_invalid_credentials(bridge: Bridge, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    assert_error(bridge.post(signal("SIGNAL_OPEN"), **headers), 401, "InvalidCredentials")


def test_unsupported_instrument(bridge: Bridge) -> None:
    assert_error(bridge.post(signal("SIGNAL_OPEN", ticker="NOPE")), 422, "UnsupportedInstrument")


@pytest.mark.parametrize(
    ("quantity", "type_"),
    [("0.5", "QuantityTooLow"), ("1000000", "QuantityTooHigh"), ("0.0001", "InvalidQuantityPrecision")],
)
def test_quantities(bridge: Bridge, quantity: str, type_: str) -> None:
    assert_error(bridge.post(signal("SIGNAL_OPEN", quantity=Decimal(quantity))), 422, type_)
    assert bridge.events() == []  # a denial does not use up the event's key


def test_insufficient_funds(bridge: Bridge) -> None:
    assert_error(bridge.post(signal("SIGNAL_OPEN", quantity=Decimal(5000))), 422, "InsufficientFunds")
    assert bridge.events()[0].refused_by == "broker"


def test_position_already_exists(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN", "A"))
    assert_error(bridge.post(signal("SIGNAL_OPEN", "B")), 409, "PositionAlreadyExists")


def test_position_not_found(bridge: Bridge) -> None:
    assert_error(bridge.post(signal("SIGNAL_CLOSE")), 409, "PositionNotFound")


def test_market_closed(bridge: Bridge) -> None:
    bridge.open_account("bob", hours="closed")
    assert_error(bridge.post(signal("SIGNAL_OPEN")), 409, "MarketClosed")
    assert_error(bridge.post(signal("SIGNAL_REOPEN")), 409, "MarketClosed")


def test_a_reopen_whose_open_leg_is_refused_leaves_the_strategy_flat(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN", "A"))
    reopen = signal("SIGNAL_REOPEN", "B", direction=Direction.SELL, quantity=Decimal(5000))
    assert_error(bridge.post(reopen), 422, "InsufficientFunds")
    assert bridge.open_positions() == []
    assert bridge.net() == {}


def test_a_reopen_of_an_unknown_ticker_still_closes_what_is_held(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN", "A"))
    assert_error(bridge.post(signal("SIGNAL_REOPEN", "B", ticker="NOPE")), 422, "UnsupportedInstrument")
    assert bridge.open_positions() == []


def test_the_same_refusal_is_given_again(bridge: Bridge) -> None:
    event = signal("SIGNAL_OPEN", quantity=Decimal(5000))
    first, second = bridge.post(event), bridge.post(event)
    assert (first.status_code, first.data) == (second.status_code, second.data)
    assert len(bridge.events()) == 1


def test_an_old_open_is_expired(bridge: Bridge) -> None:
    old = signal("SIGNAL_OPEN")
    old = signal("SIGNAL_OPEN", timestamp_ms=old.timestamp_ms - 301_000)
    assert_generic(bridge.post(old), 409, "expired")
    assert bridge.trades() == []


def test_an_old_close_is_executed(bridge: Bridge) -> None:
    now = signal("SIGNAL_OPEN").timestamp_ms
    bridge.post(signal("SIGNAL_OPEN", timestamp_ms=now - 200_000))
    assert bridge.post(signal("SIGNAL_CLOSE", timestamp_ms=now - 190_000)).status_code == 200
    assert bridge.open_positions() == []


def test_the_same_key_with_other_content_is_a_conflict(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN"))
    assert_generic(bridge.post(signal("SIGNAL_OPEN", quantity=Decimal(11))), 409, "conflict")
    assert bridge.trades() == ["BUY 10 p1"]


def test_a_deleted_integrations_signals_are_invalid_credentials(bridge: Bridge) -> None:
    bridge.post(lifecycle("INTEGRATION_APPROVED"))
    bridge.post(signal("SIGNAL_OPEN"))
    assert bridge.post(lifecycle("INTEGRATION_DELETED")).status_code == 200
    assert_error(bridge.post(signal("SIGNAL_CLOSE")), 401, "InvalidCredentials")
    assert_error(bridge.post(signal("SIGNAL_OPEN", "B", strategy_id="other")), 401, "InvalidCredentials")


def test_a_close_from_before_the_deletion_is_executed(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN"))
    close = signal("SIGNAL_CLOSE")
    bridge.post(lifecycle("INTEGRATION_DELETED"))
    assert bridge.post(close).status_code == 200
    assert bridge.open_positions() == []


def test_lifecycle_events_out_of_order_end_as_the_last_one_said(bridge: Bridge) -> None:
    earlier, later = lifecycle("INTEGRATION_DELETED"), lifecycle("INTEGRATION_APPROVED")
    bridge.post(later)
    bridge.post(earlier)
    assert bridge.post(signal("SIGNAL_OPEN")).status_code == 200


def test_a_disabled_strategy_opens_nothing_and_still_closes(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN", "A"))
    bridge.post(lifecycle("STRATEGY_DISABLED", "s1"))
    assert_generic(bridge.post(signal("SIGNAL_OPEN", "B", strategy_id="s1")), 409, "strategy_disabled")
    assert bridge.post(signal("SIGNAL_CLOSE", "A")).status_code == 200
    bridge.post(lifecycle("STRATEGY_ENABLED", "s1"))
    assert bridge.post(signal("SIGNAL_OPEN", "C")).status_code == 200


def test_a_refusal_after_the_200_is_alerted(sessions: Sessions, database_url: str) -> None:
    with bridges.running(sessions, database_url, wait=0) as bridge:
        bridge.open_account()
        assert bridge.post(signal("SIGNAL_OPEN", quantity=Decimal(5000))).status_code == 200
        bridge.settled()
        assert [alert.kind for alert in bridge.alerts()] == ["late_failure"]
