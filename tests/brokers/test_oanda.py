"""What is particular to OANDA: ids on the wire, closing by number, the log as proof, accounts that are refused."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from shared.domain import BrokerOrderId, Direction, ErrorType, Leg, OrderState
from tests.contract.bench import closing, order
from tests.contract.oanda_bench import OandaBench
from tests.simulators.oanda import is_order, simulated
from tests.simulators.oanda_books import Books
from tests.simulators.server import Answer, Call, Simulator
from workers.brokers.base import BrokerUnavailable, OpeningRef, OrderRejected, OutcomeUnknown
from workers.brokers.oanda.broker import OandaBroker
from workers.brokers.oanda.identity import trade_client_id
from workers.brokers.oanda.settings import parse

BENCH = OandaBench()


@dataclass
class Desk:
    """One adapter, its simulator and the books behind it."""

    books: Books
    simulator: Simulator
    broker: OandaBroker

    def sent(self) -> list[Call]:
        return [call for call in self.simulator.calls if is_order(call)]

    def held(self) -> list[tuple[str, Decimal]]:
        return [(trade.id, trade.units) for trade in self.books.open_trades()]


def connect(simulator: Simulator, books: Books, account: str = "alice") -> OandaBroker:
    settings = {"account": account, "base_url": simulator.url, "token": "practice-token", "account_id": books.id}
    return OandaBroker(parse(settings), deadline_seconds=5.0)


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def desk(books: Books) -> Iterator[Desk]:
    with simulated(books) as simulator:
        broker = connect(simulator, books)
        yield Desk(books, simulator, broker)
        broker.close()


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


def test_a_close_names_the_trade_by_its_number_and_its_units(desk: Desk) -> None:
    opened = order(BENCH)
    report = desk.broker.submit(opened)
    desk.broker.submit(closing(BENCH, desk.broker, opened, report))
    assert (desk.sent()[-1].path.split("/")[-2:], desk.sent()[-1].body) == ([report.trade_id, "close"], {"units": "10"})
    assert desk.held() == []


def test_a_late_double_of_a_close_does_not_hit_the_next_trade_of_the_strategy(desk: Desk) -> None:
    first = order(BENCH)
    close = closing(BENCH, desk.broker, first, desk.broker.submit(first))
    desk.broker.submit(close)
    second = desk.broker.submit(order(BENCH))
    with pytest.raises(OrderRejected) as caught:
        desk.broker.submit(close)
    assert caught.value.type is ErrorType.POSITION_NOT_FOUND
    unnumbered = replace(close, opening=OpeningRef(first.client_order_id, None))
    with pytest.raises(OrderRejected) as caught:
        desk.broker.submit(unnumbered)
    assert caught.value.type is ErrorType.POSITION_NOT_FOUND
    assert desk.held() == [(second.trade_id, Decimal(10))]


def test_a_trade_whose_number_was_never_heard_is_closed_by_its_strategy(desk: Desk) -> None:
    opened = order(BENCH)
    desk.broker.submit(opened)
    close = order(BENCH, Leg.CLOSE, Direction.SELL, opening=OpeningRef(opened.client_order_id, None))
    assert desk.broker.submit(close).state is OrderState.FILLED
    assert desk.held() == []


@pytest.mark.parametrize("other", [{"strategy_id": "strategy-b"}, {"symbol": "EUR_USD"}, {"side": Direction.SELL}])
def test_a_number_that_is_not_of_the_strategys_own_trade_is_not_closed(desk: Desk, other: dict[str, object]) -> None:
    opened = order(BENCH, **other)  # type: ignore[arg-type]  # the fields of an order
    report = desk.broker.submit(opened)
    ref = OpeningRef(opened.client_order_id, report.broker_order_id, report.trade_id)
    with pytest.raises(OrderRejected) as caught:
        desk.broker.submit(order(BENCH, Leg.CLOSE, Direction.SELL, opening=ref))
    assert caught.value.type is None
    assert len(desk.held()) == 1


def test_a_trade_that_somebody_has_reduced_is_closed_as_far_as_it_is_there(desk: Desk) -> None:
    opened = order(BENCH)
    report = desk.broker.submit(opened)
    assert report.trade_id is not None
    mark = desk.broker.mark()
    desk.books.close(desk.books.trades[report.trade_id], report.trade_id, "4")
    close = closing(BENCH, desk.broker, opened, report, mark=mark)
    closed = desk.broker.submit(close)
    assert (closed.state, closed.filled_quantity) == (OrderState.PARTIALLY_FILLED, Decimal(6))
    assert desk.broker.find(close) == closed
    with pytest.raises(OrderRejected) as caught:
        desk.broker.submit(closing(BENCH, desk.broker, opened, report, quantity=Decimal(4)))
    assert caught.value.type is ErrorType.POSITION_NOT_FOUND


def test_a_trade_that_is_not_shown_yet_is_closed_all_the_same() -> None:
    books = Books(lag=60.0)
    with simulated(books) as simulator:
        broker = connect(simulator, books)
        opened = order(BENCH)
        report = broker.submit(opened)
        ref = OpeningRef(opened.client_order_id, report.broker_order_id, report.trade_id)
        assert broker.submit(order(BENCH, Leg.CLOSE, Direction.SELL, opening=ref)).state is OrderState.FILLED
        broker.close()
    assert books.open_trades() == []


def test_an_earlier_generation_of_a_close_is_not_taken_for_this_one(desk: Desk) -> None:
    opened = order(BENCH)
    report = desk.broker.submit(opened)
    first = closing(BENCH, desk.broker, opened, report)
    desk.broker.submit(first)
    assert desk.broker.find(replace(first, quantity=Decimal(7))) is None


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
        assert broker.capabilities.nets_positions
        broker.close()


def test_a_hedging_account_holds_both_sides_and_tells_the_net(desk: Desk) -> None:
    desk.broker.submit(order(BENCH))
    desk.broker.submit(order(BENCH, side=Direction.SELL, strategy_id="strategy-b", quantity=Decimal(25)))
    assert [(each.symbol, each.quantity) for each in desk.broker.positions()] == [("XAU_USD", Decimal(-15))]
    assert not desk.broker.capabilities.nets_positions
    desk.broker.submit(order(BENCH, strategy_id="strategy-c", quantity=Decimal(15)))
    assert desk.broker.positions() == []


def test_whether_an_account_nets_is_assumed_until_it_was_asked(desk: Desk) -> None:
    assert desk.broker.capabilities.nets_positions
    desk.broker.account()
    assert not desk.broker.capabilities.nets_positions


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
    assert (listed["XAUUSD"].symbol, listed["XAUUSD"].maximum, listed["XAUUSD"].step) == ("XAU_USD", 5000, 1)
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
