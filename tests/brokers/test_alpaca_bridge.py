"""The whole bridge in front of a simulated Alpaca: every leg is one order in its books, whatever gets lost."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.database.engine import Sessions
from shared.domain import Direction
from tests.simulators.alpaca import KEY_ID, SECRET_KEY, Alpaca, is_order
from tests.simulators.server import Fault, Simulator
from tests.support.in_process_bridge import TIMESTAMPS, Bridge, running, signal

TEN_AAPL: dict[str, Any] = {"ticker": "AAPL", "quantity": Decimal(10)}


@pytest.fixture
def alpaca() -> Alpaca:
    return Alpaca()


@pytest.fixture
def simulator(alpaca: Alpaca) -> Iterator[Simulator]:
    with Simulator(alpaca, is_order).running() as serving:
        yield serving


@pytest.fixture
def bridge(sessions: Sessions, database_url: str, simulator: Simulator) -> Iterator[Bridge]:
    """A lease that is short, since "not there" is believed only after it."""
    with running(sessions, database_url, lease=6.0) as ready:
        settings = {"base_url": simulator.url, "key_id": KEY_ID, "secret_key": SECRET_KEY}
        ready.open_account(kind="alpaca", **settings)
        yield ready


def placed(alpaca: Alpaca) -> list[tuple[str, str]]:
    """What the simulator's books have filled, in that order."""
    filled = [order.body for order in alpaca.books.orders.values() if order.filled]
    return [(body["position_intent"], body["qty"]) for body in filled]


def sent(simulator: Simulator) -> list[str]:
    return [call.body["position_intent"] for call in simulator.calls if is_order(call)]


def test_the_guides_example_becomes_one_order(bridge: Bridge, alpaca: Alpaca) -> None:
    body = json.loads((Path(__file__).parent.parent / "payloads" / "guide-example.json").read_text())
    body["v1"]["event"]["data"]["ticker"] = "AAPL"
    for _ in range(2):
        assert bridge.post(json.dumps(body).encode()).status_code == 200
    assert placed(alpaca) == [("buy_to_open", "10")]
    assert [(position.symbol, position.quantity) for position in bridge.open_positions()] == [("AAPL", Decimal(10))]


def test_a_pair_is_found_by_the_ticker_of_proquant(bridge: Bridge, alpaca: Alpaca) -> None:
    assert bridge.post(signal("SIGNAL_OPEN", ticker="BTCUSD", quantity=Decimal("0.25"))).status_code == 200
    assert alpaca.books.positions == {"BTC/USD": Decimal("0.25")}
    assert bridge.post(signal("SIGNAL_CLOSE", ticker="BTCUSD", quantity=Decimal("0.25"))).status_code == 200
    assert alpaca.books.positions == {}


@pytest.mark.parametrize("lost", ["close", "open"])
@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.ERROR_AFTER])
def test_a_flip_whose_answer_is_lost_is_one_order_a_leg(
    bridge: Bridge, alpaca: Alpaca, simulator: Simulator, lost: str, fault: Fault
) -> None:
    bridge.post(signal("SIGNAL_OPEN", "p1", **TEN_AAPL))
    simulator.faults.extend([fault] if lost == "close" else [None, fault])
    bridge.post(signal("SIGNAL_REOPEN", "p2", direction=Direction.SELL, ticker="AAPL", quantity=Decimal(4)))
    bridge.settled()
    assert placed(alpaca) == [("buy_to_open", "10"), ("sell_to_close", "10"), ("sell_to_open", "4")]
    assert len(sent(simulator)) == 3
    assert alpaca.books.positions == {"AAPL": Decimal(-4)}
    assert [event.state for event in bridge.events()] == ["done", "done"]


def test_an_order_that_was_lost_on_its_way_is_sent_again_and_once(
    bridge: Bridge, alpaca: Alpaca, simulator: Simulator
) -> None:
    simulator.faults.append(Fault.LOST_BEFORE)
    bridge.post(signal("SIGNAL_OPEN", **TEN_AAPL))
    bridge.settled()
    assert sent(simulator) == ["buy_to_open"] * 2
    assert placed(alpaca) == [("buy_to_open", "10")]


def test_the_open_leg_waits_until_the_close_leg_is_filled(bridge: Bridge, alpaca: Alpaca, simulator: Simulator) -> None:
    """Sent earlier, Alpaca would refuse it as a wash trade, and the strategy would be flat."""
    bridge.post(signal("SIGNAL_OPEN", "p1", **TEN_AAPL))
    alpaca.words.append("accepted")
    bridge.post(signal("SIGNAL_REOPEN", "p2", direction=Direction.SELL, ticker="AAPL", quantity=Decimal(4)))
    bridge.settled()
    assert placed(alpaca) == [("buy_to_open", "10"), ("sell_to_close", "10"), ("sell_to_open", "4")]
    assert len(sent(simulator)) == 3
    looks = [call.path for call in simulator.calls].index("/v2/orders:by_client_order_id")
    opened = max(number for number, call in enumerate(simulator.calls) if is_order(call))
    assert looks < opened
    assert alpaca.books.positions == {"AAPL": Decimal(-4)}


def test_a_closed_market_is_told_and_nothing_is_sent(bridge: Bridge, alpaca: Alpaca, simulator: Simulator) -> None:
    alpaca.market_open = False
    answer = bridge.post(signal("SIGNAL_OPEN", **TEN_AAPL))
    assert (answer.status_code, answer.json) == (409, {"type": "MarketClosed", "detail": answer.get_json()["detail"]})
    assert sent(simulator) == []


def test_a_second_strategy_may_not_take_the_other_side(bridge: Bridge, alpaca: Alpaca) -> None:
    """The account nets: its shares belong to the first strategy, and selling them would close that one's position."""
    bridge.post(signal("SIGNAL_OPEN", "p1", **TEN_AAPL))
    answer = bridge.post(signal("SIGNAL_OPEN", "p2", strategy_id="s2", direction=Direction.SELL, **TEN_AAPL))
    assert (answer.status_code, answer.get_json()["error"]) == (422, "rejected")
    assert alpaca.books.positions == {"AAPL": Decimal(10)}


def test_coins_that_the_fee_has_taken_are_not_sold(sessions: Sessions, database_url: str) -> None:
    alpaca = Alpaca(fee="0.0025")
    with Simulator(alpaca, is_order).running() as serving, running(sessions, database_url) as bridge:
        bridge.open_account(kind="alpaca", base_url=serving.url, key_id=KEY_ID, secret_key=SECRET_KEY)
        bridge.post(signal("SIGNAL_OPEN", ticker="BTCUSD", quantity=Decimal(1)))
        bridge.post(signal("SIGNAL_CLOSE", ticker="BTCUSD", quantity=Decimal(1), timestamp_ms=TIMESTAMPS.next_ms()))
        bridge.settled()
        assert placed(alpaca) == [("buy_to_open", "1"), ("sell_to_close", "0.9975")]
        assert alpaca.books.positions == {}
        assert bridge.open_positions() == []


@pytest.mark.parametrize("left", [Decimal(6), Decimal(1)], ids=["six sold by hand", "a split of 1 for 10"])
def test_a_close_closes_what_is_left(bridge: Bridge, alpaca: Alpaca, left: Decimal) -> None:
    """It was refused each time: "insufficient qty available for order (requested: 10, available: 6)"."""
    assert bridge.post(signal("SIGNAL_OPEN", **TEN_AAPL)).status_code == 200
    alpaca.books.positions["AAPL"] = left
    assert bridge.post(signal("SIGNAL_CLOSE", **TEN_AAPL)).status_code == 200
    bridge.settled()
    assert alpaca.books.positions.get("AAPL", 0) == 0
    assert placed(alpaca) == [("buy_to_open", "10"), ("sell_to_close", f"{left}")]
    assert bridge.open_positions() == []
    assert [alert.kind for alert in bridge.alerts()] == ["gone_at_broker"]
    assert bridge.post(signal("SIGNAL_OPEN", "p2", **TEN_AAPL)).status_code == 200


def test_what_another_order_holds_is_left_to_it(
    bridge: Bridge, alpaca: Alpaca, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bridge.post(signal("SIGNAL_OPEN", **TEN_AAPL)).status_code == 200
    monkeypatch.setattr(type(alpaca.books), "held_for_orders", lambda *_: Decimal(4))
    refused = bridge.post(signal("SIGNAL_CLOSE", **TEN_AAPL))
    assert (refused.status_code, refused.json and refused.json["error"]) == (422, "rejected")
    assert [position.quantity for position in bridge.open_positions()] == [10]
