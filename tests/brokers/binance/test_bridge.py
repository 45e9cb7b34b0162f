"""The whole bridge in front of a simulated Binance: every leg is one order in its books, whatever gets lost."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from shared.database.engine import Sessions
from shared.domain import Direction
from tests.contract.binance_bench import is_order, settings_of
from tests.simulators.binance.exchange import Exchange
from tests.simulators.binance.words import refusal
from tests.simulators.server import Fault, Simulator
from tests.support.in_process_bridge import Bridge, running, signal
from workers.brokers.binance import broker as adapter

EXAMPLE = Path(__file__).parents[2] / "payloads" / "guide-example.json"


@pytest.fixture
def bridge(sessions: Sessions, database_url: str, exchange: Exchange, simulator: Simulator) -> Iterator[Bridge]:
    """Its account takes the dollar of ProQuant's tickers for Tether, since the settings say so."""
    with running(sessions, database_url, lease=6.0) as ready:
        ready.open_account(kind="binance", **settings_of(exchange, simulator.url, quotes="USD:USDT"))
        yield ready


def placed(exchange: Exchange) -> list[tuple[str, Decimal, bool]]:
    """What the exchange's books have filled, in that order: side, quantity, reduce-only."""
    return [(each.side, each.filled, each.reduce_only) for each in exchange.books.orders if each.filled]


def sent(simulator: Simulator) -> int:
    return len([call for call in simulator.calls if is_order(call)])


def test_the_guides_own_example_becomes_one_order(bridge: Bridge, exchange: Exchange) -> None:
    for _ in range(2):
        assert bridge.post(EXAMPLE.read_bytes()).status_code == 200
    assert placed(exchange) == [("BUY", Decimal(10), False)]
    assert [(held.symbol, held.quantity) for held in bridge.open_positions()] == [("XAUUSDT", Decimal(10))]


def test_the_exchanges_own_name_is_a_ticker_too(bridge: Bridge, exchange: Exchange) -> None:
    body = json.loads(EXAMPLE.read_text())
    body["v1"]["event"]["data"]["ticker"] = "BTCUSDT"
    assert bridge.post(json.dumps(body).encode()).status_code == 200
    assert exchange.books.net == {"BTCUSDT": Decimal(10)}


@pytest.mark.parametrize("lost", ["close", "open"])
@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.ERROR_AFTER])
def test_a_flip_whose_answer_is_lost_is_one_order_a_leg(
    bridge: Bridge, exchange: Exchange, simulator: Simulator, lost: str, fault: Fault
) -> None:
    bridge.post(signal("SIGNAL_OPEN", "p1"))
    simulator.faults.extend([fault] if lost == "close" else [None, fault])
    bridge.post(signal("SIGNAL_REOPEN", "p2", direction=Direction.SELL, quantity=Decimal(4)))
    bridge.settled()
    assert placed(exchange) == [("BUY", Decimal(10), False), ("SELL", Decimal(10), True), ("SELL", Decimal(4), False)]
    assert sent(simulator) == 3
    assert exchange.books.net == {"XAUUSDT": Decimal(-4)}
    assert [event.state for event in bridge.events()] == ["done", "done"]


def test_an_order_that_was_lost_on_its_way_is_sent_again_after_the_settle_time_and_once(
    monkeypatch: pytest.MonkeyPatch, bridge: Bridge, exchange: Exchange, simulator: Simulator
) -> None:
    monkeypatch.setattr(adapter, "SETTLE_SECONDS", 1.0)  # this exchange is quick
    simulator.faults.append(Fault.LOST_BEFORE)
    bridge.post(signal("SIGNAL_OPEN"))
    bridge.settled()
    assert sent(simulator) == 2
    assert placed(exchange) == [("BUY", Decimal(10), False)]


def test_a_503_that_is_a_failure_is_sent_again_at_once(
    bridge: Bridge, exchange: Exchange, simulator: Simulator
) -> None:
    simulator.faults.append(refusal(-1008, "Request throttled by system-level protection. Please try again.", 503))
    bridge.post(signal("SIGNAL_OPEN"))
    bridge.settled()
    assert "/fapi/v1/order" not in [call.path for call in simulator.calls if call.method == "GET"]
    assert placed(exchange) == [("BUY", Decimal(10), False)]


def test_a_position_that_was_liquidated_is_written_off_and_nothing_is_opened_by_its_close(
    bridge: Bridge, exchange: Exchange
) -> None:
    bridge.post(signal("SIGNAL_OPEN", "p1"))
    exchange.books.net.clear()
    bridge.post(signal("SIGNAL_CLOSE", "p1"))
    bridge.settled()
    assert exchange.books.net == {}
    assert bridge.open_positions() == []
    assert "gone_at_broker" in [alert.kind for alert in bridge.alerts()]


def test_a_symbol_that_does_not_trade_is_a_closed_market(
    bridge: Bridge, exchange: Exchange, simulator: Simulator
) -> None:
    exchange.status = "SETTLING"
    answer = bridge.post(signal("SIGNAL_OPEN"))
    assert (answer.status_code, answer.get_json()["type"]) == (409, "MarketClosed")
    assert exchange.books.orders == []
