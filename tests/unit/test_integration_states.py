"""Where an integration stands, whatever was said of it and in whatever order it came."""

import pytest

from shared.accounts.integration_states import IntegrationState, LifecycleTimes, state_after
from shared.accounts.orphan_policy import OrphanEvent, Policy, orphan_event
from shared.domain import EventType


@pytest.mark.parametrize(
    ("said", "state", "ended_ms"),
    [
        (LifecycleTimes(), "requested", None),
        (LifecycleTimes(approved_ms=10), "approved", None),
        (LifecycleTimes(rejected_ms=10), "rejected", 10),
        (LifecycleTimes(approved_ms=10, deleted_ms=20), "deleted", 20),
        (LifecycleTimes(approved_ms=20, deleted_ms=20), "deleted", 20),
        (LifecycleTimes(approved_ms=30, deleted_ms=20), "deleted", 20),  # final: its token brings nothing back
        (LifecycleTimes(deleted_ms=20), "deleted", 20),  # the approval may be on its way, and is the older one
        (LifecycleTimes(approved_ms=10, rejected_ms=20), "approved", None),  # a copy of the request was rejected
        (LifecycleTimes(approved_ms=10, rejected_ms=30, deleted_ms=20), "deleted", 20),
    ],
)
def test_what_the_user_said_decides(said: LifecycleTimes, state: str, ended_ms: int | None) -> None:
    assert state_after(IntegrationState.REQUESTED, said) == state
    assert said.ended_ms() == ended_ms


@pytest.mark.parametrize("ours", [IntegrationState.REFUSED, IntegrationState.REVOKED])
def test_what_we_have_ended_stays_so(ours: IntegrationState) -> None:
    assert state_after(ours, LifecycleTimes(approved_ms=10)) == ours


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        (EventType.INTEGRATION_DELETED, OrphanEvent.CLOSE),
        (EventType.INTEGRATION_REJECTED, OrphanEvent.CLOSE),
        (EventType.STRATEGY_DISABLED, OrphanEvent.REPORT),
    ],
)
def test_each_policy_is_about_its_own_events(type_: EventType, expected: OrphanEvent) -> None:
    assert orphan_event(type_, on_deleted=Policy.CLOSE, on_disabled=Policy.KEEP) is expected
