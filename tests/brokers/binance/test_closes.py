"""A close at Binance: no list and no filter stands in its way, and a position is gone when it was seen absent."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.domain import Direction, ErrorType, Leg
from tests.brokers.binance.orders import order, posts
from tests.simulators.binance.exchange import Exchange
from tests.simulators.server import Answer, Simulator
from workers.brokers.base import BrokerUnavailable, OrderRejected, OrderRequest
from workers.brokers.binance.broker import BinanceBroker
from workers.brokers.odd_rows import collecting_odd_rows


def close(quantity: str = "10", symbol: str = "XAUUSDT") -> OrderRequest:
    return order(leg=Leg.CLOSE, side=Direction.SELL, quantity=Decimal(quantity), symbol=symbol)


@pytest.mark.parametrize("quantity", ["0.0001", "0.00345", "999999"])
def test_only_the_exchange_judges_the_quantity_of_a_close(
    exchange: Exchange, simulator: Simulator, broker: BinanceBroker, quantity: str
) -> None:
    exchange.books.net["XAUUSDT"] = Decimal(quantity)
    with pytest.raises(OrderRejected, match="Binance answered"):
        broker.submit(close(quantity))
    assert [form["quantity"] for form in posts(simulator)] == [quantity]


@pytest.mark.parametrize("said", [Answer(503), Answer(200, {"symbols": [], "rateLimits": []})], ids=["away", "empty"])
def test_a_list_that_cannot_be_had_stands_in_no_closes_way(
    exchange: Exchange, simulator: Simulator, broker: BinanceBroker, said: Answer
) -> None:
    exchange.books.net["XAUUSDT"] = Decimal(10)
    exchange.listing = lambda _: said
    assert broker.is_open("XAUUSDT", datetime.now(UTC))
    assert broker.submit(close()).filled_quantity == 10
    with pytest.raises((BrokerUnavailable, OrderRejected)):
        broker.submit(order())
    assert len(posts(simulator)) == 1


@pytest.mark.parametrize(
    "odd",
    [
        lambda row: row | {"filters": [each | {"stepSize": "0"} for each in row["filters"]]},
        lambda row: row | {"filters": []},
        lambda row: {name: value for name, value in row.items() if name != "baseAsset"},
        lambda row: row | {"filters": [{}]},
        lambda _: {"contractType": "PERPETUAL"},
        lambda _: "XAUUSDT",
    ],
    ids=["step 0", "no filter", "a field is missing", "an empty filter", "nearly nothing", "a text"],
)
def test_an_odd_row_is_left_out_and_all_others_trade(exchange: Exchange, broker: BinanceBroker, odd: Any) -> None:
    exchange.listing = lambda told: Answer(
        200, told | {"symbols": [odd(row) if row["symbol"] == "ETHUSDT" else row for row in told["symbols"]]}
    )
    with collecting_odd_rows() as noted:
        assert {each.ticker for each in broker.instruments()} == {"XAUUSDT", "BTCUSDT"}
    assert len(noted) == 1
    assert broker.submit(order()).filled_quantity == 10


def test_a_refused_close_is_gone_only_where_nothing_is_held(exchange: Exchange, broker: BinanceBroker) -> None:
    """The ledger was written off while two coins were held, and the next OPEN doubled them."""
    exchange.books.net["XAUUSDT"], exchange.resting = Decimal(2), True
    with pytest.raises(BrokerUnavailable, match="still holds 2 XAUUSDT: look for other orders"):
        broker.submit(close("2"))
    exchange.resting = False
    assert broker.submit(close("2")).filled_quantity == 2
    with pytest.raises(OrderRejected) as gone:
        broker.submit(order(leg=Leg.CLOSE, side=Direction.SELL, quantity=Decimal(3)))
    assert gone.value.type is ErrorType.POSITION_NOT_FOUND


def test_a_contract_that_was_delisted_is_gone_when_it_was_settled(broker: BinanceBroker) -> None:
    with pytest.raises(OrderRejected, match="-1121") as refused:
        broker.submit(close(symbol="OLDUSDT"))
    assert refused.value.type is ErrorType.POSITION_NOT_FOUND
