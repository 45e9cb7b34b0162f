"""Flips of a position whose id survives them: what is the same sends nothing, what differs is a signal of its own."""

import itertools
from decimal import Decimal

import pytest

from shared.database.engine import Sessions
from shared.domain import Direction, SignalEvent
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge, signal


def held(bridge: Bridge) -> list[str]:
    """What the ledger holds, and with it the broker."""
    positions = [f"{row.direction} {row.quantity.normalize():f} {row.ticker}" for row in bridge.open_positions()]
    signs = {"BUY": 1, "SELL": -1}
    assert sorted(bridge.net().values()) == sorted(
        signs[row.direction] * row.quantity for row in bridge.open_positions()
    )
    return positions


def flip(direction: Direction, quantity: int, **values: object) -> SignalEvent:
    """A REOPEN that keeps the position's id."""
    return signal("SIGNAL_REOPEN", "P", direction=direction, quantity=Decimal(quantity), **values)


def test_a_flip_to_another_quantity_after_a_refused_one_is_executed(sessions: Sessions, database_url: str) -> None:
    """It was skipped as the same flip: ten units were held, ProQuant believed three, and nobody was told."""
    with bridges.running(sessions, database_url) as bridge:
        bridge.open_account(script="ok,reject:MarketClosed,ok")
        assert bridge.post(signal("SIGNAL_OPEN", "P")).status_code == 200
        refused = bridge.post(flip(Direction.SELL, 2))
        assert (refused.status_code, refused.json and refused.json["type"]) == (409, "MarketClosed")
        assert bridge.post(flip(Direction.BUY, 3)).status_code == 200
        assert held(bridge) == ["BUY 3 XAUUSD"]


def test_a_flip_that_comes_after_a_later_one_is_superseded(bridge: Bridge) -> None:
    """The later one was skipped as the same flip, and then the earlier one was executed."""
    bridge.post(signal("SIGNAL_OPEN", "P", quantity=Decimal(1)))
    bridge.post(flip(Direction.SELL, 2))
    earlier, later = flip(Direction.BUY, 3), flip(Direction.SELL, 4)
    for event in (later, earlier):
        assert bridge.post(event).status_code == 200
    assert held(bridge) == ["SELL 4 XAUUSD"]
    assert [(row.state, row.reason) for row in bridge.events()][-1] == ("skipped", "superseded")


def test_the_same_flip_again_sends_nothing_and_supersedes_an_earlier_one(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN", "P", quantity=Decimal(1)))
    bridge.post(flip(Direction.SELL, 2))
    earlier, again = flip(Direction.BUY, 3), flip(Direction.SELL, 2)
    for event in (again, earlier):
        assert bridge.post(event).status_code == 200
    assert held(bridge) == ["SELL 2 XAUUSD"]
    assert [row.reason for row in bridge.events()][2:] == ["duplicate", "superseded"]
    assert len(bridge.orders()) == 3


def test_the_same_position_asked_for_again_is_not_closed_by_an_earlier_close(bridge: Bridge) -> None:
    """In order: bought, closed, bought again."""
    bridge.post(signal("SIGNAL_OPEN", "P", quantity=Decimal(2)))
    close, again = signal("SIGNAL_CLOSE", "P"), flip(Direction.BUY, 2)
    assert bridge.post(again).status_code == 200
    assert bridge.post(close).status_code == 409
    assert held(bridge) == ["BUY 2 XAUUSD"]
    assert bridge.post(signal("SIGNAL_CLOSE", "Q")).status_code == 200  # of an id of its own, or it is the first again
    assert held(bridge) == []


def test_a_flip_to_another_ticker_is_executed(bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_OPEN", "P"))
    assert bridge.post(flip(Direction.BUY, 10, ticker="XAGUSD")).status_code == 200
    assert held(bridge) == ["BUY 10 XAGUSD"]


def test_a_position_that_was_filled_in_part_is_the_same_position(sessions: Sessions, database_url: str) -> None:
    with bridges.running(sessions, database_url) as bridge:
        bridge.open_account(script="partial:0.4")
        bridge.post(signal("SIGNAL_OPEN", "P"))
        assert bridge.post(flip(Direction.BUY, 10)).status_code == 200
        assert [row.reason for row in bridge.events()][-1] == "duplicate"
        assert held(bridge) == ["BUY 4 XAUUSD"]


@pytest.mark.parametrize("deliveries", list(itertools.permutations(range(4))), ids=str)
@pytest.mark.parametrize("last", [(Direction.SELL, 4), (Direction.SELL, 2)], ids=["another", "the same again"])
def test_flips_end_as_if_they_had_come_in_order(
    sessions: Sessions, database_url: str, deliveries: tuple[int, ...], last: tuple[Direction, int]
) -> None:
    with bridges.running(sessions, database_url, grace=0.1, sweep=0.1) as bridge:
        bridge.open_account()
        story = (
            signal("SIGNAL_OPEN", "P", quantity=Decimal(1)),
            flip(Direction.SELL, 2),
            flip(Direction.BUY, 3),
            flip(*last),
        )
        for number in deliveries:
            bridge.post(story[number])
        bridge.settled()
        assert held(bridge) == [f"SELL {last[1]} XAUUSD"]
