"""A simulated Alpaca with an adapter in front of it, and orders to send through it."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any

import pytest

from shared.domain import ClientOrderId, Direction, ErrorType, Leg
from tests.simulators.alpaca import KEY_ID, SECRET_KEY, Alpaca, is_order
from tests.simulators.server import Answer, Call, Simulated, Simulator
from workers.brokers.alpaca.broker import AlpacaBroker
from workers.brokers.alpaca.settings import parse
from workers.brokers.base import OrderRejected, OrderRequest

Serve = Callable[[Simulated], tuple[AlpacaBroker, Simulator]]
KEYS = {"account": "alice", "key_id": KEY_ID, "secret_key": SECRET_KEY}
_numbers = itertools.count(1)


@contextmanager
def serving() -> Iterator[Serve]:
    """Serves a simulated broker, and makes an adapter for it with a short deadline."""
    with ExitStack() as ends:

        def start(simulated: Simulated) -> tuple[AlpacaBroker, Simulator]:
            simulator = ends.enter_context(Simulator(simulated, is_order).running())
            broker = AlpacaBroker(parse({**KEYS, "base_url": simulator.url}), deadline_seconds=2.0)
            ends.callback(broker.close)
            return broker, simulator

        yield start


def order(symbol: str = "AAPL", quantity: str = "10", **changes: Any) -> OrderRequest:
    """A new order to buy."""
    fields: dict[str, Any] = {
        "client_order_id": ClientOrderId(f"pq-{next(_numbers):032x}"),
        "symbol": symbol,
        "side": Direction.BUY,
        "quantity": Decimal(quantity),
        "leg": Leg.OPEN,
        "strategy_id": "s1",
        "proquant_position_id": "p1",
    }
    return OrderRequest(**(fields | changes))


def closing(symbol: str = "AAPL", quantity: str = "10", **changes: Any) -> OrderRequest:
    """A new close leg of what was bought."""
    return order(symbol, quantity, **{"side": Direction.SELL, "leg": Leg.CLOSE, **changes})


def posted(simulator: Simulator) -> list[dict[str, Any]]:
    """The orders that arrived, as they were written."""
    return [call.body for call in simulator.calls if is_order(call)]


def refused(broker: AlpacaBroker, sent: OrderRequest) -> ErrorType | None:
    """The type with which the order is refused."""
    with pytest.raises(OrderRejected) as caught:
        broker.submit(sent)
    assert caught.value.reason
    return caught.value.type


class Replaced:
    """The simulator, with other answers to the calls that `picks` names by method and path prefix."""

    def __init__(self, alpaca: Alpaca, method: str, prefix: str, answer: Callable[[Answer], Answer]) -> None:
        self._alpaca, self._method, self._prefix, self._answer = alpaca, method, prefix, answer

    def __call__(self, call: Call) -> Answer:
        answer = self._alpaca(call)
        return self._answer(answer) if call.method == self._method and call.path.startswith(self._prefix) else answer
