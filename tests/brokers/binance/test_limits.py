"""Its clock, its bans, its request weights, and the time that a submit may take."""

import pytest

from shared.domain import Direction, Leg, OrderState
from tests.brokers.binance.orders import order, posts
from tests.simulators.binance.exchange import Exchange
from tests.simulators.server import Answer, Simulator
from workers.brokers.base import BrokerUnavailable
from workers.brokers.binance import broker as adapter
from workers.brokers.binance.ban_guard import BanGuard
from workers.brokers.binance.broker import BinanceBroker


@pytest.mark.parametrize("ahead_ms", [-60_000, 60_000])
def test_a_clock_that_is_wrong_from_the_start_does_no_harm(
    exchange: Exchange, broker: BinanceBroker, ahead_ms: int
) -> None:
    exchange.ahead_ms = ahead_ms
    assert broker.submit(order()).state is OrderState.FILLED


def test_a_clock_that_goes_wrong_refuses_one_order_and_is_set_anew(
    exchange: Exchange, simulator: Simulator, broker: BinanceBroker
) -> None:
    broker.submit(order())
    sent = order(leg=Leg.CLOSE, side=Direction.SELL)
    exchange.ahead_ms = 60_000
    with pytest.raises(BrokerUnavailable, match="clock"):
        broker.submit(sent)
    assert len(posts(simulator)) == 2
    assert broker.submit(sent).state is OrderState.FILLED


def test_a_read_at_the_wrong_time_is_read_again(exchange: Exchange, broker: BinanceBroker) -> None:
    broker.account()
    exchange.ahead_ms = -60_000
    assert broker.account().balance == 100_000


def test_nothing_is_sent_while_the_address_is_banned(simulator: Simulator, broker: BinanceBroker) -> None:
    words = "Way too many requests; IP banned until 1600000000000."
    simulator.faults.append(Answer(418, {"code": -1003, "msg": words}, {"Retry-After": "120"}))
    with pytest.raises(BrokerUnavailable) as caught:
        broker.submit(order())
    assert caught.value.retry_after == 120
    calls = len(simulator.calls)
    for ask in (lambda: broker.submit(order()), lambda: broker.find(order()), broker.account, broker.positions):
        with pytest.raises(BrokerUnavailable, match="banned"):
            ask()
    assert len(simulator.calls) == calls


def test_a_ban_ends_when_it_was_said_to_end() -> None:
    clock = [1000.0]
    gate = BanGuard(monotonic=lambda: clock[0])
    assert gate.ban(7.0).retry_after == 7
    gate.ban(2.0)
    with pytest.raises(BrokerUnavailable) as caught:
        gate.admit(urgent=True)
    assert caught.value.retry_after == 7
    clock[0] += 7
    gate.admit(urgent=True)


def test_a_ban_without_json_is_a_ban(simulator: Simulator, broker: BinanceBroker) -> None:
    simulator.faults.append(Answer(418, b"<html>banned</html>", {"Retry-After": "60"}))
    with pytest.raises(BrokerUnavailable):
        broker.submit(order())
    calls = len(simulator.calls)
    with pytest.raises(BrokerUnavailable, match="banned"):
        broker.submit(order())
    assert len(simulator.calls) == calls


def test_the_last_fifth_of_the_weight_is_kept_for_orders(exchange: Exchange, broker: BinanceBroker) -> None:
    sent = order()
    broker.submit(sent)
    exchange.used_weight = 2000
    broker.find(sent)
    with pytest.raises(BrokerUnavailable) as caught:
        broker.account()
    assert 0 < (caught.value.retry_after or 0) <= 60
    assert broker.find(sent) is not None
    assert broker.submit(order()).state is OrderState.FILLED


def test_a_submit_is_declared_to_take_as_long_as_all_of_its_calls(broker: BinanceBroker) -> None:
    assert broker.capabilities.deadline_seconds == pytest.approx(6 * 5.0 + 0.7)
    assert adapter.READS_OF_A_SUBMIT * adapter.READ_SECONDS + adapter.ORDER_SECONDS <= 30
