"""The whole bridge in front of a company's own system: every leg is one order in its books, whatever gets lost."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from shared.database.engine import Sessions
from shared.domain import Direction
from tests.contract.rest_bench import TOKEN, Judged, contract
from tests.simulators.server import Fault, Simulator
from tests.support.in_process_bridge import Bridge, running, signal
from workers.brokers.paper.books import accepted_orders, net_positions
from workers.brokers.registry import make_broker
from workers.brokers.rest.reference import make_app

FAR_END = "far-end"
GUIDE_EXAMPLE = (Path(__file__).parent.parent / "payloads" / "guide-example.json").read_bytes()


@pytest.fixture
def violations() -> Iterator[list[str]]:
    found: list[str] = []
    yield found
    assert found == []


@pytest.fixture
def simulator(database_url: str, violations: list[str]) -> Iterator[Simulator]:
    """The reference implementation with the paper broker behind it, whose books have a name of their own."""
    paper = make_broker("paper", {"database_url": database_url, "hours": "always"}, FAR_END)
    judged = Judged(make_app(paper, TOKEN).test_client(), contract(), violations)
    with Simulator(judged, lambda call: call.method == "PUT").running() as serving:
        yield serving
    paper.close()


@pytest.fixture
def bridge(sessions: Sessions, database_url: str, simulator: Simulator) -> Iterator[Bridge]:
    """A lease that is short, since "not there" is believed only after it."""
    with running(sessions, database_url, lease=25.0) as ready:
        ready.open_account(kind="http", base_url=simulator.url, token=TOKEN)
        yield ready


def trades(bridge: Bridge) -> list[str]:
    """The far end's orders in short: side, quantity, position."""
    with bridge.sessions() as session:
        orders = accepted_orders(session, FAR_END)
    return [f"{order.side} {order.quantity.normalize():f} {order.proquant_position_id}" for order in orders]


def puts(simulator: Simulator) -> list[str]:
    return [call.path for call in simulator.calls if call.method == "PUT"]


def test_the_guides_example_becomes_one_order(bridge: Bridge) -> None:
    for _ in range(2):
        assert bridge.post(GUIDE_EXAMPLE).status_code == 200
    assert trades(bridge) == ["BUY 10 960fe1a63d264d0f4e19a0ebf385497e"]


@pytest.mark.parametrize("lost", ["close", "open"])
@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.ERROR_AFTER, Fault.GARBAGE_AFTER])
def test_a_flip_whose_answer_is_lost_is_one_order_a_leg(
    bridge: Bridge, simulator: Simulator, lost: str, fault: Fault
) -> None:
    bridge.post(signal("SIGNAL_OPEN", "p1"))
    simulator.faults.extend([fault] if lost == "close" else [None, fault])
    bridge.post(signal("SIGNAL_REOPEN", "p2", direction=Direction.SELL, quantity=Decimal(4)))
    bridge.settled()
    assert trades(bridge) == ["BUY 10 p1", "SELL 10 p2", "SELL 4 p2"]
    assert len(puts(simulator)) == len(set(puts(simulator))) == 3
    with bridge.sessions() as session:
        assert net_positions(session, FAR_END) == {"XAUUSD": Decimal(-4)}
    assert [event.state for event in bridge.events()] == ["done", "done"]


def test_an_order_that_was_lost_on_its_way_is_sent_again_with_the_same_id(bridge: Bridge, simulator: Simulator) -> None:
    simulator.faults.append(Fault.LOST_BEFORE)
    bridge.post(signal("SIGNAL_OPEN"))
    bridge.settled()
    assert trades(bridge) == ["BUY 10 p1"]
    assert len(puts(simulator)) == 2
    assert len(set(puts(simulator))) == 1


def test_a_refusal_reaches_proquant_in_its_own_word(bridge: Bridge) -> None:
    answer = bridge.post(signal("SIGNAL_OPEN", quantity=Decimal(4000)))
    assert (answer.status_code, answer.headers["x-proquant-error"]) == (422, "1")
    assert answer.json is not None
    assert answer.json["type"] == "InsufficientFunds"
    assert trades(bridge) == []
