"""A signal that comes when a later flip has already sold a part of what is held, and could do no more."""

import pytest

from shared.database.engine import Sessions
from shared.domain import Direction, Event, OrderState
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    made = open_workshop(sessions)
    made.run(made.arrives(signal("SIGNAL_OPEN", "A")))
    return made


def test_an_earlier_close_closes_the_rest(workshop: WorkerHarness) -> None:
    comes_late(
        workshop, signal("SIGNAL_CLOSE", "A"), half_a_flip=signal("SIGNAL_REOPEN", "B", direction=Direction.SELL)
    )
    assert workshop.broker.sides() == ["BUY 10", "SELL 5", "SELL 0", "SELL 5"]
    assert workshop.held() == []
    assert workshop.states() == ["done", "refused", "done"]


def test_an_earlier_flip_closes_the_rest_and_opens_as_if_the_later_had_not_been(workshop: WorkerHarness) -> None:
    earlier = signal("SIGNAL_REOPEN", "B", direction=Direction.SELL)
    comes_late(workshop, earlier, half_a_flip=signal("SIGNAL_REOPEN", "C", direction=Direction.SELL))
    assert workshop.broker.sides() == ["BUY 10", "SELL 5", "SELL 0", "SELL 5", "SELL 10"]
    assert [(held.proquant_position_id, held.direction) for held in workshop.held()] == [("B", "SELL")]
    assert workshop.states() == ["done", "refused", "done"]


def test_an_earlier_flip_is_superseded_where_the_later_left_nothing(workshop: WorkerHarness) -> None:
    earlier = signal("SIGNAL_REOPEN", "B", direction=Direction.SELL)
    workshop.broker.script.extend([None, OrderState.CANCELLED])
    workshop.run(workshop.arrives(signal("SIGNAL_REOPEN", "C", direction=Direction.SELL)))
    workshop.run(workshop.arrives(earlier))
    assert workshop.broker.sides() == ["BUY 10", "SELL 10", "SELL 0"]
    assert workshop.held() == []
    assert workshop.states() == ["done", "refused", "skipped"]


def comes_late(workshop: WorkerHarness, earlier: Event, half_a_flip: Event) -> None:
    """Half of what is held is sold by the later flip, the broker cancels its second order, and then comes this one."""
    workshop.broker.script.extend([OrderState.PARTIALLY_FILLED, OrderState.CANCELLED])
    workshop.run(workshop.arrives(half_a_flip))
    assert [held.quantity for held in workshop.held()] == [5]
    workshop.run(workshop.arrives(earlier))
