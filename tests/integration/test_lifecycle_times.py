"""When the user said what: a time that clocks cannot explain decides nothing, and a deletion is final."""

import time
from dataclasses import replace

import pytest

from tests.integration.test_lifecycle_policies import integrate
from tests.support.in_process_bridge import Bridge, lifecycle, signal

YEARS = 10 * 365 * 86_400_000


@pytest.mark.parametrize("ahead", [YEARS, 7_200_000, 0])
@pytest.mark.parametrize("with_integration", [True, False])
def test_an_approval_of_the_future_does_not_outweigh_a_deletion(
    bridge: Bridge, ahead: int, with_integration: bool
) -> None:
    """It was believed for ten years: each OPEN was executed for a user who had withdrawn."""
    token = integrate(bridge, "ann@example.com") if with_integration else bridge.token
    approved = lifecycle("INTEGRATION_APPROVED")
    approved = replace(approved, timestamp_ms=int(time.time() * 1000) + ahead)
    assert bridge.post(approved, token).status_code == 200
    deleted = replace(lifecycle("INTEGRATION_DELETED"), timestamp_ms=int(time.time() * 1000) + 1)
    assert bridge.post(deleted, token).status_code == 200
    opened = replace(signal("SIGNAL_OPEN"), timestamp_ms=int(time.time() * 1000) + 2)
    assert bridge.post(opened, token).status_code >= 400
    assert bridge.orders() == []


def test_a_strategy_that_was_enabled_in_the_future_can_be_disabled(bridge: Bridge) -> None:
    now = int(time.time() * 1000)
    assert bridge.post(replace(lifecycle("STRATEGY_ENABLED", "s1"), timestamp_ms=now + YEARS)).status_code == 200
    disabled = replace(lifecycle("STRATEGY_DISABLED", "s1"), timestamp_ms=int(time.time() * 1000) + 1)
    assert bridge.post(disabled).status_code == 200
    opened = replace(signal("SIGNAL_OPEN", strategy_id="s1"), timestamp_ms=int(time.time() * 1000) + 2)
    assert bridge.post(opened).status_code >= 400
    assert bridge.orders() == []


def test_the_token_of_a_deleted_integration_brings_nothing_back(bridge: Bridge) -> None:
    token = integrate(bridge, "ann@example.com")
    for type_ in ("INTEGRATION_APPROVED", "INTEGRATION_DELETED", "INTEGRATION_APPROVED"):
        assert bridge.post(lifecycle(type_), token).status_code == 200
    assert bridge.post(signal("SIGNAL_OPEN"), token).status_code >= 400
    assert bridge.orders() == []
