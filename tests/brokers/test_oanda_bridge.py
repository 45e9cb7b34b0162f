"""The whole bridge in front of a simulated OANDA: every leg is one order in its books, whatever gets lost."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from shared.database.engine import Sessions
from shared.domain import Direction
from tests.simulators.oanda import is_order, simulated
from tests.simulators.oanda_books import Books
from tests.simulators.server import Fault, Simulator
from tests.support.in_process_bridge import Bridge, running, signal

GUIDE_EXAMPLE = (Path(__file__).parent.parent / "payloads" / "guide-example.json").read_bytes()


@pytest.fixture(params=[True, False], ids=["hedging", "netting"])
def books(request: pytest.FixtureRequest) -> Books:
    return Books(hedging=request.param)


@pytest.fixture
def simulator(books: Books) -> Iterator[Simulator]:
    with simulated(books) as serving:
        yield serving


@pytest.fixture
def bridge(sessions: Sessions, database_url: str, simulator: Simulator, books: Books) -> Iterator[Bridge]:
    with running(sessions, database_url) as ready:
        ready.open_account(kind="oanda", base_url=simulator.url, token=books.token, account_id=books.id)
        yield ready


def filled(books: Books) -> list[tuple[str, str]]:
    """What the simulator's books have filled, in that order."""
    return [(row["reason"], row["units"]) for row in books.orders()]


def held(books: Books) -> list[tuple[str, Decimal]]:
    return [(trade.instrument, trade.units) for trade in books.open_trades()]


def test_the_guides_example_becomes_one_order(bridge: Bridge, books: Books) -> None:
    assert [bridge.post(GUIDE_EXAMPLE).status_code for _ in range(3)] == [200, 200, 200]
    assert filled(books) == [("MARKET_ORDER", "10")]
    (trade,) = books.open_trades()
    assert (trade.instrument, trade.extensions["tag"]) == ("XAU_USD", "960fe1a63d264d0f4e19a0ebf385497e")
    assert [(position.symbol, position.quantity) for position in bridge.open_positions()] == [("XAU_USD", Decimal(10))]


UNTOLD = ["price", "price fullVWAP", "fullVWAP trade", "price trade", "price fullVWAP trade"]


@pytest.mark.parametrize("untold", UNTOLD)
@pytest.mark.parametrize("lost", [False, True])
def test_a_fill_is_understood_whichever_of_its_prices_are_left_out(
    bridge: Bridge, books: Books, simulator: Simulator, untold: str, lost: bool
) -> None:
    """Without the deprecated one it was never understood: the trade was open, the ledger empty, the CLOSE held back."""
    books.untold = frozenset(untold.split())
    simulator.faults.extend([Fault.LOST_AFTER] if lost else [])
    bridge.post(signal("SIGNAL_OPEN", "p1"))
    bridge.settled()
    assert [position.quantity for position in bridge.open_positions()] == [Decimal(10)]
    assert bridge.post(signal("SIGNAL_CLOSE", "p1")).status_code == 200
    assert (held(books), bridge.open_positions()) == ([], [])


@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.LOST_BEFORE])
def test_a_close_in_parts_of_one_size_closes_all_whatever_is_lost_of_the_second(
    bridge: Bridge, books: Books, simulator: Simulator, fault: Fault
) -> None:
    """A close carries no id of ours at OANDA: the answer to one part must not be taken for that to another."""
    bridge.post(signal("SIGNAL_OPEN", "p1", quantity=Decimal(12)))
    with bridge.sessions.begin() as session:
        session.execute(text("UPDATE instruments SET maximum = 4 WHERE ticker = 'XAUUSD'"))
    simulator.faults.extend([None, fault])
    bridge.post(signal("SIGNAL_CLOSE", "p1"))
    bridge.settled()
    assert (held(books), bridge.open_positions()) == ([], [])
    assert [units for _, units in filled(books)] == ["12", "-4", "-4", "-4"]


def test_a_fifo_account_opens_no_second_trade_in_an_instrument(sessions: Sessions, database_url: str) -> None:
    """The younger strategy's CLOSE was cancelled with FIFO_VIOLATION, each time."""
    books = Books(hedging=False, fifo=True, id="101-001-1234567-001")
    with simulated(books) as serving, running(sessions, database_url) as bridge:
        bridge.open_account(kind="oanda", base_url=serving.url, token=books.token, account_id=books.id)
        assert bridge.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
        refused = bridge.post(signal("SIGNAL_OPEN", "p2", strategy_id="s2"))
        assert (refused.status_code, refused.json and refused.json["error"]) == (422, "rejected")
        assert bridge.post(signal("SIGNAL_OPEN", "p3", strategy_id="s2", ticker="EURUSD")).status_code == 200
        assert bridge.post(signal("SIGNAL_CLOSE", "p1")).status_code == 200
        assert bridge.post(signal("SIGNAL_OPEN", "p4", strategy_id="s2b")).status_code == 200
        for position, strategy in (("p3", "s2"), ("p4", "s2b")):
            assert bridge.post(signal("SIGNAL_CLOSE", position, strategy_id=strategy)).status_code == 200
        assert (held(books), bridge.open_positions()) == ([], [])


@pytest.mark.parametrize("type_", ["SIGNAL_OPEN", "SIGNAL_CLOSE"])
def test_a_revoked_token_is_answered_as_such_and_nothing_waits(bridge: Bridge, books: Books, type_: str) -> None:
    """It was answered 200, and expired five minutes later."""
    bridge.post(signal("SIGNAL_OPEN", "p1"))
    books.token = "revoked"
    answer = bridge.post(signal(type_, "p1" if type_ == "SIGNAL_CLOSE" else "p2", strategy_id="s1"))
    assert answer.json is not None
    word = "PositionAlreadyExists" if type_ == "SIGNAL_OPEN" else "InvalidCredentials"
    assert answer.json["type"] == word
    opened = bridge.post(signal("SIGNAL_OPEN", "p3", strategy_id="s3"))
    assert (opened.status_code, opened.json and opened.json["type"]) == (401, "InvalidCredentials")
    assert len(held(books)) == 1


@pytest.mark.parametrize("lost", ["close", "open", "both"])
@pytest.mark.parametrize("fault", [Fault.LOST_AFTER, Fault.ERROR_AFTER])
def test_a_flip_whose_answer_is_lost_is_one_order_a_leg(
    bridge: Bridge, books: Books, simulator: Simulator, lost: str, fault: Fault
) -> None:
    bridge.post(signal("SIGNAL_OPEN", "p1"))
    simulator.faults.extend([fault if lost in {"close", "both"} else None, fault if lost in {"open", "both"} else None])
    bridge.post(signal("SIGNAL_REOPEN", "p2", direction=Direction.SELL, quantity=Decimal(4)))
    bridge.settled()
    assert filled(books) == [("MARKET_ORDER", "10"), ("MARKET_ORDER_TRADE_CLOSE", "-10"), ("MARKET_ORDER", "-4")]
    assert len([call for call in simulator.calls if is_order(call)]) == 3
    assert held(books) == [("XAU_USD", Decimal(-4))]
    assert [event.state for event in bridge.events()] == ["done", "done"]
    assert bridge.alerts() == []


def test_an_open_whose_answer_is_lost_is_closed_by_the_number_that_the_log_gave(
    bridge: Bridge, books: Books, simulator: Simulator
) -> None:
    simulator.faults.append(Fault.LOST_AFTER)
    bridge.post(signal("SIGNAL_OPEN", "p1"))
    bridge.settled()
    (trade,) = books.open_trades()
    assert bridge.post(signal("SIGNAL_CLOSE", "p1")).status_code == 200
    closes = [call.path for call in simulator.calls if call.method == "PUT"]
    assert [path.split("/")[-2] for path in closes] == [trade.id]
    assert (held(books), bridge.open_positions()) == ([], [])


def test_a_trade_that_was_closed_by_hand_is_written_off(bridge: Bridge, books: Books) -> None:
    bridge.post(signal("SIGNAL_OPEN", "p1"))
    (trade,) = books.open_trades()
    books.close(trade, trade.id, "ALL")
    answer = bridge.post(signal("SIGNAL_CLOSE", "p1"))
    assert answer.get_json()["type"] == "PositionNotFound"
    assert bridge.open_positions() == []
    assert bridge.post(signal("SIGNAL_OPEN", "p2")).status_code == 200


def test_a_closed_market_is_told_and_nothing_is_sent(bridge: Bridge, books: Books, simulator: Simulator) -> None:
    books.halted = True
    answer = bridge.post(signal("SIGNAL_OPEN"))
    assert (answer.status_code, answer.get_json()["type"]) == (409, "MarketClosed")
    assert [call for call in simulator.calls if is_order(call)] == []


def test_two_strategies_the_same_way_close_their_own(bridge: Bridge, books: Books) -> None:
    bridge.post(signal("SIGNAL_OPEN", "p1"))
    bridge.post(signal("SIGNAL_OPEN", "p2", strategy_id="s2", quantity=Decimal(3)))
    bridge.post(signal("SIGNAL_CLOSE", "p1"))
    assert held(books) == [("XAU_USD", Decimal(3))]


def test_a_second_strategy_may_trade_the_other_way_only_where_the_account_hedges(bridge: Bridge, books: Books) -> None:
    bridge.post(signal("SIGNAL_OPEN", "p1"))
    answer = bridge.post(signal("SIGNAL_OPEN", "p2", strategy_id="s2", direction=Direction.SELL))
    assert answer.status_code == (200 if books.hedging else 422)
    assert len(held(books)) == (2 if books.hedging else 1)
