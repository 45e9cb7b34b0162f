"""What became of an order that never reached the broker, when something else has happened since."""

from collections import deque

import pytest

from shared.database.engine import Sessions
from shared.domain import Direction
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from workers.brokers.base import BrokerUnavailable, OutcomeUnknown
from workers.decision.lookup_patience import LOOKUPS_BEFORE_PARKING

AWAY = BrokerUnavailable("away")
LOST = OutcomeUnknown("no answer")


@pytest.fixture
def workshop(sessions: Sessions) -> WorkerHarness:
    return open_workshop(sessions)


def test_an_open_that_waits_for_the_broker_is_not_overtaken_by_an_earlier_one(workshop: WorkerHarness) -> None:
    earlier, later = signal("SIGNAL_OPEN", "A"), signal("SIGNAL_OPEN", "B")
    workshop.broker.script.append(AWAY)
    workshop.run(workshop.arrives(later))
    rung = workshop.arrives(earlier)
    workshop.run(rung)
    workshop.later(5)
    workshop.run(rung)
    assert [(each.client_order_id, each.state) for each in workshop.orders()] == [
        (workshop.broker.submitted[0].client_order_id, "filled")
    ]
    assert [held.proquant_position_id for held in workshop.held()] == ["B"]
    assert workshop.states() == ["done", "skipped"]


def test_a_close_that_waits_for_the_broker_is_not_overtaken_by_an_earlier_flip(workshop: WorkerHarness) -> None:
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN", "A")))
    flip, close = signal("SIGNAL_REOPEN", "B", direction=Direction.SELL), signal("SIGNAL_CLOSE", "B")
    workshop.broker.script.append(AWAY)
    workshop.run(workshop.arrives(close))
    rung = workshop.arrives(flip)
    workshop.later(5)
    workshop.run(rung)
    assert workshop.broker.sides() == ["BUY 10", "SELL 10"]
    assert workshop.states() == ["done", "done", "skipped"]


def test_a_parked_flip_does_not_sell_again_what_a_close_has_sold_meanwhile(workshop: WorkerHarness) -> None:
    opened = workshop.arrives(signal("SIGNAL_OPEN", "A"))
    workshop.run(opened)
    flip = workshop.arrives(signal("SIGNAL_REOPEN", "B", direction=Direction.SELL))
    workshop.broker.script.append(LOST)
    workshop.broker.searched = deque([LOST] * (LOOKUPS_BEFORE_PARKING + 2))
    while workshop.event(flip).state != "parked":
        workshop.run(flip)
        workshop.later(61)
    workshop.broker.searched.clear()
    workshop.run(workshop.arrives(signal("SIGNAL_CLOSE", "A")))
    assert workshop.broker.sides() == ["BUY 10", "SELL 10"]
    workshop.resolve(flip)
    workshop.run(flip)
    assert workshop.broker.sides() == ["BUY 10", "SELL 10"]
    assert workshop.states() == ["done", "skipped", "done"]
    assert [order.state for order in workshop.orders()] == ["filled", "cancelled", "filled"]


def test_a_parked_flip_goes_on_to_open_where_an_earlier_close_came_meanwhile(workshop: WorkerHarness) -> None:
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN", "A")))
    close, flip = signal("SIGNAL_CLOSE", "A"), signal("SIGNAL_REOPEN", "B", direction=Direction.SELL)
    parked = workshop.arrives(flip)
    workshop.broker.script.append(LOST)
    workshop.broker.searched = deque([LOST] * (LOOKUPS_BEFORE_PARKING + 2))
    while workshop.event(parked).state != "parked":
        workshop.run(parked)
        workshop.later(61)
    workshop.broker.searched.clear()
    workshop.run(workshop.arrives(close))
    workshop.resolve(parked)
    workshop.run(parked)
    assert workshop.broker.sides() == ["BUY 10", "SELL 10", "SELL 10"]
    assert [held.direction for held in workshop.held()] == ["SELL"]


def test_a_close_waits_while_a_flip_that_kept_the_positions_id_is_parked(workshop: WorkerHarness) -> None:
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN", "A")))
    flip = workshop.arrives(signal("SIGNAL_REOPEN", "A", direction=Direction.SELL))
    workshop.broker.script.extend([None, LOST])
    workshop.broker.lost = True
    workshop.broker.searched = deque([LOST] * (LOOKUPS_BEFORE_PARKING + 2))
    while workshop.event(flip).state != "parked":
        workshop.run(flip)
        workshop.later(61)
    workshop.broker.searched.clear()
    close = workshop.arrives(signal("SIGNAL_CLOSE", "A"))
    workshop.run(close)
    assert workshop.event(close).state == "waiting"
    workshop.resolve(flip)
    workshop.later(61)
    workshop.run(flip)
    assert workshop.broker.sides() == ["BUY 10", "SELL 10", "SELL 10", "BUY 10"]
    assert workshop.states() == ["done", "done", "done"]
