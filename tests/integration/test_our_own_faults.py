"""Events that our code or our settings keep from their broker: parked in the end for the one, waiting for the other."""

import pytest

from shared.database.engine import Sessions
from shared.domain import Direction
from shared.errors import ConfigurationError
from tests.support.in_process_bridge import lifecycle, signal
from tests.support.worker_harness import ScriptedBroker, WorkerHarness, open_workshop
from workers.execution.run import FAILURES_BEFORE_PARKING


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    return open_workshop(sessions)


def break_the_code(_: object) -> ScriptedBroker:
    raise KeyError("a fault of ours")


def test_an_event_that_makes_our_code_fail_is_set_aside_and_parked_in_the_end(workshop: WorkerHarness) -> None:
    event = workshop.arrives(signal("SIGNAL_OPEN"))
    for number in range(FAILURES_BEFORE_PARKING):
        assert workshop.states() == ["received" if number == 0 else "waiting"]
        with pytest.raises(KeyError):
            workshop.run(event, broker=break_the_code)
        workshop.later(61)
    assert workshop.states() == ["parked"]
    assert workshop.alerts() == ["parked"]
    assert workshop.strategy().lease_owner is None
    assert "KeyError" in str(workshop.event(event).reason)
    assert "a fault of ours" not in str(workshop.event(event).reason)


def test_a_key_that_is_wrong_parks_nothing_and_all_goes_on_when_it_is_right_again(workshop: WorkerHarness) -> None:
    """Events and CLOSEs were parked after a minute and a half, and stayed so."""

    def with_the_wrong_key(_: object) -> ScriptedBroker:
        raise ConfigurationError("BRIDGE_SECRET_KEY is not the key that encrypted this account's settings.")

    workshop.run(workshop.arrives(signal("SIGNAL_OPEN", "A")))
    close = workshop.arrives(signal("SIGNAL_CLOSE", "A"))
    for _ in range(FAILURES_BEFORE_PARKING + 1):
        workshop.run(close, broker=with_the_wrong_key, handles={})
        assert workshop.states() == ["done", "waiting"]
        assert "BRIDGE_SECRET_KEY" in str(workshop.event(close).reason)
        assert workshop.strategy().lease_owner is None
        workshop.later(16)
    workshop.run(close)
    assert (workshop.states(), workshop.alerts()) == (["done", "done"], [])
    assert workshop.broker.sides() == ["BUY 10", "SELL 10"]


def test_the_other_strategies_of_a_failing_one_go_on(workshop: WorkerHarness) -> None:
    with pytest.raises(KeyError):
        workshop.run(workshop.arrives(signal("SIGNAL_OPEN")), broker=break_the_code)
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN", "p2", strategy_id="s2")))
    assert workshop.states() == ["waiting", "done"]


def test_a_close_goes_on_while_another_event_is_parked_and_an_open_does_not(workshop: WorkerHarness) -> None:
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN", "A")))
    parked = workshop.arrives(signal("SIGNAL_REOPEN", "B", direction=Direction.SELL))
    for _ in range(FAILURES_BEFORE_PARKING):
        with pytest.raises(KeyError):
            workshop.run(parked, broker=break_the_code)
        workshop.later(61)
    workshop.arrives(signal("SIGNAL_OPEN", "C"))
    workshop.run(workshop.arrives(signal("SIGNAL_CLOSE", "A")))
    assert workshop.states() == ["done", "parked", "received", "done"]
    assert workshop.broker.sides() == ["BUY 10", "SELL 10"]


def test_a_lifecycle_event_needs_no_broker(workshop: WorkerHarness) -> None:
    workshop.run(workshop.arrives(lifecycle("STRATEGY_ENABLED", "s1")), broker=break_the_code)
    assert workshop.states() == ["done"]
