"""One account at a simulated Binance, and the adapter in front of it."""

from collections.abc import Iterator

import pytest

from tests.contract.binance_bench import is_order, settings_of
from tests.simulators.binance.exchange import Exchange
from tests.simulators.server import Simulator
from workers.brokers.binance.broker import BinanceBroker
from workers.brokers.binance.settings import parse


@pytest.fixture
def exchange() -> Exchange:
    """The exchange and the account's books."""
    return Exchange()


@pytest.fixture
def simulator(exchange: Exchange) -> Iterator[Simulator]:
    """The server in front of it."""
    with Simulator(exchange.answer, is_order).running() as ready:
        yield ready


@pytest.fixture
def broker(exchange: Exchange, simulator: Simulator) -> Iterator[BinanceBroker]:
    """The adapter; an order that drips in ends soon."""
    made = BinanceBroker(parse(settings_of(exchange, simulator.url)), read_seconds=5.0, order_seconds=0.7)
    yield made
    made.close()
