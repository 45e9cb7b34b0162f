"""What is particular to OANDA: ids on the wire, the log as proof, accounts that are refused."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.domain import BrokerOrderId, Direction, ErrorType, OrderState
from tests.brokers.oanda_desk import Desk, connect, manned
from tests.contract.bench import order
from tests.contract.oanda_bench import OandaBench
from tests.simulators.oanda import Oanda, is_order, simulated
from tests.simulators.oanda_books import Books
from tests.simulators.server import Answer, Call, Fault, Simulator
from workers.brokers.base import BrokerUnavailable, OrderRejected, OutcomeUnknown
from workers.brokers.oanda.identity import trade_client_id

BENCH = OandaBench()


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def desk(books: Books) -> Iterator[Desk]:
    with manned(books) as ready:
        yield ready


def test_an_open_says_who_it_is_for_and_never_reduces(desk: Desk) -> None:
    sent = order(BENCH, side=Direction.SELL, quantity=Decimal("10.0"), proquant_position_id="p1")
    desk.broker.submit(sent)
    (call,) = desk.sent()
    assert call.body["order"] == {
        "type": "MARKET",
        "instrument": "XAU_USD",
        "units": "-10",
        "timeInForce": "FOK",
        "positionFill": "OPEN_ONLY",
        "clientExtensions": {"id": sent.client_order_id, "tag": "p1"},
        "tradeClientExtensions": {
            "id": trade_client_id("alice", "strategy-a"),
            "tag": "p1",
            "comment": sent.client_order_id,
        },
    }


@pytest.mark.parametrize("fault", [Fault.LOST_BEFORE, Fault.GARBAGE_AFTER, Fault.UNAVAILABLE_BEFORE, Fault.SLOW_AFTER])
@pytest.mark.parametrize("read", range(2))
def test_what_fails_before_an_order_is_sent_sends_nothing(books: Books, fault: Fault, read: int) -> None:
    with Simulator(Oanda(books), lambda _: True).running() as simulator:
        broker = connect(simulator, books)
        simulator.faults.extend([*[None] * read, fault])
        with pytest.raises(BrokerUnavailable):
            broker.submit(order(BENCH))
        assert len(simulator.calls) == read + 1
        broker.close()


def test_an_order_is_not_sent_once_the_time_for_it_is_used_up(books: Books) -> None:
    """Three reads of 0.1 seconds each leave less of one second than a send may take."""
    slow, oanda = threading.Event(), Oanda(books)

    def answer(call: Call) -> Answer:
        slow.wait(0.1)
        return oanda(call)

    with Simulator(answer, is_order).running() as simulator:
        broker = connect(simulator, books, seconds=1.0)
        with pytest.raises(BrokerUnavailable):
            broker.submit(order(BENCH))
        assert [call for call in simulator.calls if is_order(call)] == []
        broker.close()


def test_the_strategys_own_open_trade_is_another_position(desk: Desk) -> None:
    desk.broker.submit(order(BENCH))
    with pytest.raises(OrderRejected) as caught:
        desk.broker.submit(order(BENCH, mark=desk.broker.mark()))
    assert caught.value.type is ErrorType.POSITION_ALREADY_EXISTS
    assert len(desk.held()) == 1


def test_a_repeated_open_is_answered_with_what_the_first_one_did(desk: Desk) -> None:
    sent = order(BENCH, mark=desk.broker.mark())
    assert desk.broker.submit(sent) == desk.broker.submit(sent) == desk.broker.find(sent)
    assert len(desk.held()) == 1


def test_whose_the_open_trade_is_stays_unknown_while_the_log_lags() -> None:
    books = Books()
    with simulated(books) as simulator:
        broker = connect(simulator, books)
        sent = order(BENCH, mark=broker.mark())
        broker.submit(sent)
        books.lag = 60.0
        with pytest.raises(OutcomeUnknown):
            broker.submit(sent)
        broker.close()


def test_accounts_of_the_bridge_that_share_an_account_keep_their_trades_apart(desk: Desk) -> None:
    other = connect(desk.simulator, desk.books, account="bob")
    desk.broker.submit(order(BENCH))
    other.submit(order(BENCH))
    assert len(desk.held()) == 2
    other.close()


def test_a_log_of_many_pages_is_read_to_its_end(desk: Desk) -> None:
    desk.books.page = 2
    mark = desk.broker.mark()
    sent = [order(BENCH, strategy_id=f"s{number}", mark=mark) for number in range(4)]
    reports = [desk.broker.submit(each) for each in sent]
    assert [desk.broker.find(each) for each in sent] == reports


@pytest.mark.parametrize("page", [0, 1])
def test_a_log_that_ends_too_early_proves_nothing(desk: Desk, page: int) -> None:
    sent = order(BENCH, mark="100" if page else desk.broker.mark())
    desk.broker.submit(replace(sent, client_order_id=order(BENCH).client_order_id))
    desk.books.page = page
    with pytest.raises(BrokerUnavailable):
        desk.broker.find(sent)


def test_a_look_up_reads_only_what_came_after_the_mark(desk: Desk) -> None:
    desk.broker.submit(order(BENCH))
    mark = desk.broker.mark()
    desk.broker.find(order(BENCH, mark=mark))
    assert desk.simulator.calls[-1].query == {"id": mark}


def test_an_order_that_is_neither_filled_nor_cancelled_is_working(desk: Desk) -> None:
    sent = order(BENCH, mark=desk.broker.mark())
    desk.broker.submit(sent)
    desk.books.log.pop()
    found = desk.broker.find(sent)
    assert found is not None
    assert (found.state, found.broker_order_id, found.fills) == (OrderState.ACCEPTED, BrokerOrderId("2"), ())


def test_a_netting_account_is_not_sent_an_order_against_another_strategy() -> None:
    books = Books(hedging=False)
    with simulated(books) as simulator:
        broker = connect(simulator, books)
        broker.submit(order(BENCH))
        with pytest.raises(OrderRejected) as caught:
            broker.submit(order(BENCH, side=Direction.SELL, strategy_id="strategy-b"))
        assert (caught.value.type, len([call for call in simulator.calls if is_order(call)])) == (None, 1)
        broker.submit(order(BENCH, strategy_id="strategy-b"))
        assert (broker.capabilities.nets_positions, broker.capabilities.opposite_sides) == (True, False)
        broker.close()


def test_a_hedging_account_holds_both_sides_and_tells_the_net(desk: Desk) -> None:
    desk.broker.submit(order(BENCH))
    desk.broker.submit(order(BENCH, side=Direction.SELL, strategy_id="strategy-b", quantity=Decimal(25)))
    assert [(each.symbol, each.quantity) for each in desk.broker.positions()] == [("XAU_USD", Decimal(-15))]
    assert not desk.broker.capabilities.nets_positions
    desk.broker.submit(order(BENCH, strategy_id="strategy-c", quantity=Decimal(15)))
    assert desk.broker.positions() == []


def test_whether_an_account_nets_is_assumed_until_it_was_asked(desk: Desk) -> None:
    before = desk.broker.capabilities
    desk.broker.account()
    after = desk.broker.capabilities
    assert (before.nets_positions, before.opposite_sides) == (True, False)
    assert (after.nets_positions, after.opposite_sides) == (False, True)


def test_the_market_of_an_instrument_that_the_account_does_not_know_is_not_open(desk: Desk) -> None:
    assert not desk.broker.is_open("NO-SUCH-SYMBOL", datetime.now(UTC))
    assert desk.broker.is_open(BENCH.symbol, datetime.now(UTC))


def test_whether_a_market_is_open_is_not_told_by_a_token_that_is_refused(desk: Desk) -> None:
    desk.books.token = "revoked"
    with pytest.raises(BrokerUnavailable):
        desk.broker.is_open(BENCH.symbol, datetime.now(UTC))


def test_an_account_linked_to_metatrader_is_refused_and_sent_nothing() -> None:
    books = Books(mt4=True)
    with simulated(books) as simulator:
        broker = connect(simulator, books)
        with pytest.raises(OrderRejected, match="MetaTrader") as caught:
            broker.submit(order(BENCH))
        assert caught.value.type is None
        for call in (broker.account, broker.instruments):
            with pytest.raises(BrokerUnavailable, match="MetaTrader"):
                call()
        assert [call for call in simulator.calls if is_order(call)] == []
        broker.close()


def test_a_token_that_does_not_reach_the_account_is_no_credential(desk: Desk) -> None:
    stranger = connect(desk.simulator, Books())
    with pytest.raises(OrderRejected) as caught:
        stranger.submit(order(BENCH))
    assert caught.value.type is ErrorType.INVALID_CREDENTIALS
    stranger.close()


def test_the_list_of_instruments_is_the_accounts_own(desk: Desk) -> None:
    listed = {each.ticker: each for each in desk.broker.instruments()}
    assert listed.keys() == {"XAUUSD", "EURUSD", "SPX500USD"}
    index = listed["SPX500USD"]
    assert (index.minimum, index.maximum, index.step) == (Decimal("0.1"), None, Decimal("0.1"))
    assert (listed["XAUUSD"].symbol, listed["XAUUSD"].maximum, listed["XAUUSD"].step) == (
        "XAU_USD",
        Decimal(5000),
        Decimal(1),
    )
    assert {each.currency for each in listed.values()} == {"USD"}


def test_fractions_are_sent_as_they_are(desk: Desk) -> None:
    report = desk.broker.submit(order(BENCH, symbol="SPX500_USD", quantity=Decimal("0.30")))
    assert (desk.sent()[-1].body["order"]["units"], report.filled_quantity) == ("0.3", Decimal("0.3"))


@pytest.mark.parametrize("halted", [True, False])
def test_the_market_is_open_where_oanda_says_tradeable(desk: Desk, halted: bool) -> None:
    desk.books.halted = halted
    assert desk.broker.is_open("XAU_USD", datetime.now(UTC)) is not halted


@pytest.mark.parametrize(
    "body",
    [
        {"orderFillTransaction": {"id": "7"}, "lastTransactionID": "7"},
        {"orderFillTransaction": "7"},
        {"orderCreateTransaction": {"id": "7"}},
        [],
        {},
    ],
)
def test_an_answer_that_is_not_as_documented_leaves_the_outcome_unknown(desk: Desk, body: object) -> None:
    desk.simulator.faults.append(Answer(201, body))
    with pytest.raises(OutcomeUnknown):
        desk.broker.submit(order(BENCH))


@pytest.mark.parametrize("status", [202, 302, 408, 409])
def test_a_status_that_says_nothing_leaves_the_outcome_unknown(desk: Desk, status: int) -> None:
    desk.simulator.faults.append(Answer(status, {"errorMessage": "?"}))
    with pytest.raises(OutcomeUnknown):
        desk.broker.submit(order(BENCH))
