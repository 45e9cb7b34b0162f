"""Closing at OANDA: a trade by its number, that of this strategy, and nothing more."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from shared.domain import Direction, ErrorType, Leg, OrderState
from tests.brokers.oanda_desk import Desk, connect, manned
from tests.contract.bench import closing, order
from tests.contract.oanda_bench import OandaBench
from tests.simulators.oanda import simulated
from tests.simulators.oanda_books import Books
from workers.brokers.base import OpeningRef, OrderRejected

BENCH = OandaBench()


@pytest.fixture
def books() -> Books:
    return Books()


@pytest.fixture
def desk(books: Books) -> Iterator[Desk]:
    with manned(books) as ready:
        yield ready


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


@pytest.mark.parametrize("numbered", [True, False])
def test_the_close_of_another_strategy_is_not_taken_for_this_one(desk: Desk, numbered: bool) -> None:
    opens = [order(BENCH, strategy_id=name) for name in ("strategy-a", "strategy-b")]
    mine, other = (closing(BENCH, desk.broker, each, desk.broker.submit(each)) for each in opens)
    if not numbered:
        mine = replace(mine, opening=OpeningRef(opens[0].client_order_id, None))
    desk.broker.submit(other)
    assert desk.broker.find(mine) is None
    assert desk.broker.submit(mine) == desk.broker.find(mine)
