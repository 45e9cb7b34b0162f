"""Order within a strategy: whatever the deliveries' order, the end is as if they had come in order."""

import itertools
import threading
from decimal import Decimal

import pytest

from shared.database.engine import Sessions
from shared.domain import Direction, SignalEvent
from tests.support import in_process_bridge as bridges
from tests.support.eventually import eventually
from tests.support.in_process_bridge import Bridge, signal

STORY = ("open A", "close A", "open B", "close B")


def story() -> dict[str, SignalEvent]:
    """Two positions of one strategy, one after the other: four events with growing timestamps."""
    return {
        "open A": signal("SIGNAL_OPEN", "A"),
        "close A": signal("SIGNAL_CLOSE", "A"),
        "open B": signal("SIGNAL_OPEN", "B", direction=Direction.SELL),
        "close B": signal("SIGNAL_CLOSE", "B", direction=Direction.SELL),
    }


def test_four_signals_posted_without_waiting_are_executed_in_order(sessions: Sessions, database_url: str) -> None:
    with bridges.running(sessions, database_url, wait=0, slots=4) as bridge:
        bridge.open_account(latency_ms="20")
        for event in (
            signal("SIGNAL_OPEN", "p1"),
            signal("SIGNAL_REOPEN", "p2", direction=Direction.SELL),
            signal("SIGNAL_REOPEN", "p3", direction=Direction.BUY),
            signal("SIGNAL_CLOSE", "p3"),
        ):
            assert bridge.post(event).status_code == 200
        bridge.settled()
        assert [order.side for order in bridge.orders()] == ["BUY", "SELL", "SELL", "BUY", "BUY", "SELL"]
        assert bridge.open_positions() == []
        assert bridge.net() == {}
        assert [event.state for event in bridge.events()] == ["done"] * 4


@pytest.mark.parametrize("order", list(itertools.permutations(STORY)), ids=" ".join)
@pytest.mark.parametrize("wait", [0.0, 5.0], ids=["unheard", "answered"])
def test_every_order_of_delivery_ends_flat(
    sessions: Sessions, database_url: str, order: tuple[str, ...], wait: float
) -> None:
    with bridges.running(sessions, database_url, wait=wait, grace=0.15, sweep=0.2) as bridge:
        bridge.open_account()
        events = story()
        for name in order:
            bridge.post(events[name])
        bridge.settled()
        _assert_end_is_as_in_order(bridge)


def _assert_end_is_as_in_order(bridge: Bridge) -> None:
    """Flat, no position opened twice, each order the undoing of the one before it."""
    assert bridge.open_positions() == []
    assert bridge.net() == {}
    sides = [order.side for order in bridge.orders()]
    opened = [order.proquant_position_id for order in bridge.orders() if order.leg == "open"]
    assert len(opened) == len(set(opened))
    assert len(sides) == 2 * len(opened)
    assert all(first != second for first, second in zip(sides[::2], sides[1::2], strict=True))


def test_deliveries_in_order_execute_all_four(sessions: Sessions, database_url: str) -> None:
    with bridges.running(sessions, database_url, wait=0, grace=0.5) as bridge:
        bridge.open_account()
        for event in story().values():
            bridge.post(event)
        bridge.settled()
        assert bridge.trades() == ["BUY 10 A", "SELL 10 A", "SELL 10 B", "BUY 10 B"]


def is_waiting(bridge: Bridge) -> None:
    assert [event.state for event in bridge.events()] == ["waiting"]


def test_a_close_that_comes_before_its_open_waits_for_it(sessions: Sessions, database_url: str) -> None:
    with bridges.running(sessions, database_url, wait=0, grace=2.0) as bridge:
        bridge.open_account()
        events = story()
        bridge.post(events["close A"])
        eventually(lambda: is_waiting(bridge))
        bridge.post(events["open A"])
        bridge.settled()
        assert bridge.trades() == ["BUY 10 A", "SELL 10 A"]


def test_a_close_that_found_nothing_keeps_its_late_open_from_being_executed(bridge: Bridge) -> None:
    events = story()
    assert bridge.post(events["close A"]).json == {
        "type": "PositionNotFound",
        "detail": "The strategy has no open position to close.",
    }
    assert bridge.post(events["open A"]).status_code == 200
    assert bridge.trades() == []
    assert [event.reason for event in bridge.events() if event.state == "skipped"] == ["superseded"]


def test_a_close_never_closes_what_a_later_event_opened(bridge: Bridge) -> None:
    events = story()
    bridge.post(events["open B"])
    assert bridge.post(events["close A"]).status_code == 409
    assert [held.proquant_position_id for held in bridge.open_positions()] == ["B"]


def test_a_close_with_an_unknown_id_closes_what_is_held(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN", "A"))
    bridge.post(signal("SIGNAL_REOPEN", "A", direction=Direction.SELL))
    assert bridge.post(signal("SIGNAL_CLOSE", "new")).status_code == 200
    assert bridge.open_positions() == []


def test_a_close_that_names_a_closed_position_closes_nothing(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN", "A"))
    bridge.post(signal("SIGNAL_REOPEN", "B", direction=Direction.SELL))
    answer = bridge.post(signal("SIGNAL_CLOSE", "A"))
    assert answer.json is not None
    assert answer.json["type"] == "PositionNotFound"
    assert [held.proquant_position_id for held in bridge.open_positions()] == ["B"]


def test_a_reopen_that_keeps_the_id_flips_every_time(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN", "A"))
    bridge.post(signal("SIGNAL_REOPEN", "A", direction=Direction.SELL))
    bridge.post(signal("SIGNAL_REOPEN", "A", direction=Direction.BUY))
    assert [order.side for order in bridge.orders()] == ["BUY", "SELL", "SELL", "BUY", "BUY"]
    assert [held.direction for held in bridge.open_positions()] == ["BUY"]


def test_the_same_flip_under_another_timestamp_is_not_done_again(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN", "A"))
    bridge.post(signal("SIGNAL_REOPEN", "B", direction=Direction.SELL))
    assert bridge.post(signal("SIGNAL_REOPEN", "B", direction=Direction.SELL)).status_code == 200
    assert len(bridge.orders()) == 3


def test_strategies_do_not_wait_for_each_other(sessions: Sessions, database_url: str) -> None:
    with bridges.running(sessions, database_url, wait=5, slots=8) as bridge:
        bridge.open_account(latency_ms="300")
        answers: list[int] = []

        def post(strategy: str) -> None:
            answers.append(bridge.post(signal("SIGNAL_OPEN", strategy, strategy_id=strategy)).status_code)

        threads = [threading.Thread(target=post, args=(f"s{number}",)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2.0)  # one after another they would take 2.4 seconds
        assert answers == [200] * 8


def test_two_strategies_on_one_symbol_close_only_their_own(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN", "A", strategy_id="a", quantity=Decimal(5)))
    bridge.post(signal("SIGNAL_OPEN", "B", strategy_id="b", quantity=Decimal(3)))
    bridge.post(signal("SIGNAL_CLOSE", "A", strategy_id="a"))
    assert bridge.net() == {"XAUUSD": Decimal(3)}
