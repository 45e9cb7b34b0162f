"""One event after another through the whole bridge: what is executed, and what ProQuant is answered."""

from decimal import Decimal
from pathlib import Path

from shared.domain import Direction
from tests.support.in_process_bridge import Bridge, signal

GUIDE_EXAMPLE = (Path(__file__).parent.parent / "payloads" / "guide-example.json").read_bytes()


def test_an_open_is_executed_and_answered_with_an_empty_200(bridge: Bridge) -> None:
    answer = bridge.post(signal("SIGNAL_OPEN"))
    assert (answer.status_code, answer.data) == (200, b"")
    assert bridge.trades() == ["BUY 10 p1"]
    assert [(held.ticker, held.direction, str(held.quantity)) for held in bridge.open_positions()] == [
        ("XAUUSD", "BUY", "10")
    ]


def test_the_guides_own_example_is_executed_once(bridge: Bridge) -> None:
    assert [bridge.post(GUIDE_EXAMPLE).status_code for _ in range(3)] == [200, 200, 200]
    assert bridge.trades() == ["BUY 10 960fe1a63d264d0f4e19a0ebf385497e"]


def test_a_close_sells_what_the_strategy_bought(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN"))
    assert bridge.post(signal("SIGNAL_CLOSE", quantity=Decimal(3))).status_code == 200
    assert bridge.trades() == ["BUY 10 p1", "SELL 10 p1"]
    assert bridge.open_positions() == []
    assert bridge.net() == {}


def test_a_reopen_closes_and_then_opens_the_other_way(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN"))
    assert bridge.post(signal("SIGNAL_REOPEN", "p2", direction=Direction.SELL, quantity=Decimal(4))).status_code == 200
    assert bridge.trades() == ["BUY 10 p1", "SELL 10 p2", "SELL 4 p2"]
    assert bridge.net() == {"XAUUSD": -4}
