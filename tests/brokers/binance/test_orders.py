"""What goes out as an order, what must not, and in which mode an account can be used."""

from decimal import Decimal

import pytest

from shared.domain import Direction, ErrorType, Leg, OrderState
from tests.brokers.binance.orders import order, posts
from tests.contract.binance_bench import settings_of
from tests.simulators.binance.exchange import Exchange
from tests.simulators.server import Simulator
from workers.brokers.base import BrokerUnavailable, OrderRejected
from workers.brokers.binance.broker import BinanceBroker
from workers.brokers.binance.settings import parse


def test_a_close_is_reduce_only_and_an_open_is_not(simulator: Simulator, broker: BinanceBroker) -> None:
    broker.submit(order())
    broker.submit(order(leg=Leg.CLOSE, side=Direction.SELL))
    assert [form.get("reduceOnly") for form in posts(simulator)] == [None, "true"]
    assert [(form["quantity"], form["newOrderRespType"]) for form in posts(simulator)] == [("10", "RESULT")] * 2


def test_a_quantity_goes_out_in_plain_digits(simulator: Simulator, broker: BinanceBroker) -> None:
    broker.submit(order(quantity=Decimal("1E+1")))
    broker.submit(order(quantity=Decimal("0.010")))
    assert [form["quantity"] for form in posts(simulator)] == ["10", "0.010"]


def test_a_close_of_more_than_is_held_closes_what_is_held(exchange: Exchange, broker: BinanceBroker) -> None:
    broker.submit(order())
    exchange.books.net["XAUUSDT"] = Decimal(4)
    report = broker.submit(order(leg=Leg.CLOSE, side=Direction.SELL))
    assert (report.state, report.filled_quantity) == (OrderState.PARTIALLY_FILLED, Decimal(4))
    assert exchange.books.net["XAUUSDT"] == 0


def test_an_account_in_hedge_mode_is_refused_and_says_what_to_do(
    exchange: Exchange, simulator: Simulator, broker: BinanceBroker
) -> None:
    exchange.hedge = True
    for call in (lambda: broker.submit(order()), broker.instruments, broker.account):
        with pytest.raises(BrokerUnavailable, match="one-way mode"):
            call()
    assert posts(simulator) == []
    exchange.hedge = False
    assert broker.submit(order()).state is OrderState.FILLED


def test_a_switch_to_hedge_mode_is_noticed_by_the_next_order(exchange: Exchange, broker: BinanceBroker) -> None:
    broker.submit(order())
    exchange.hedge = True
    with pytest.raises(OrderRejected, match="-4061"):
        broker.submit(order())
    with pytest.raises(BrokerUnavailable, match="one-way mode"):
        broker.submit(order())


def test_a_strategy_may_not_open_against_what_the_account_holds(
    exchange: Exchange, simulator: Simulator, broker: BinanceBroker
) -> None:
    exchange.books.net["XAUUSDT"] = Decimal(3)
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order(side=Direction.SELL))
    assert caught.value.type is None
    assert posts(simulator) == []


def test_right_after_an_order_the_old_position_may_still_be_read_and_refuses_nothing_for_good(
    broker: BinanceBroker,
) -> None:
    broker.submit(order())
    with pytest.raises(BrokerUnavailable) as caught:
        broker.submit(order(side=Direction.SELL))
    assert caught.value.retry_after == 1.0


def test_what_is_far_below_the_least_notional_is_not_sent(simulator: Simulator, broker: BinanceBroker) -> None:
    with pytest.raises(OrderRejected) as caught:
        broker.submit(order(symbol="ETHUSDT", quantity=Decimal("0.003")))
    assert caught.value.type is ErrorType.QUANTITY_TOO_LOW
    assert posts(simulator) == []


def test_what_is_nearly_the_least_notional_is_judged_by_the_exchange(
    simulator: Simulator, broker: BinanceBroker
) -> None:
    with pytest.raises(OrderRejected, match="-4164") as caught:
        broker.submit(order(symbol="ETHUSDT", quantity=Decimal("0.007")))
    assert caught.value.type is ErrorType.QUANTITY_TOO_LOW
    assert len(posts(simulator)) == 1


def test_tickers_are_the_symbols_and_what_the_account_has_chosen(exchange: Exchange, simulator: Simulator) -> None:
    plain = BinanceBroker(parse(settings_of(exchange, simulator.url)))
    chosen = BinanceBroker(parse(settings_of(exchange, simulator.url, quotes="USD:USDT")))
    assert {each.ticker for each in plain.instruments()} == {"XAUUSDT", "BTCUSDT", "ETHUSDT"}
    tickers = {each.ticker: each for each in chosen.instruments()}
    assert {tickers[name].symbol for name in ("XAUUSD", "XAUUSDT")} == {"XAUUSDT"}
    assert (tickers["XAUUSD"].minimum, tickers["XAUUSD"].maximum) == (Decimal("0.002"), Decimal(5000))
    assert tickers["XAUUSD"].currency == "USDT"
    plain.close()
    chosen.close()
