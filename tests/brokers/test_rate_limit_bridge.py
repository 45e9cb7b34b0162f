"""The whole bridge over a simulated Alpaca with a tiny budget: everything is executed, once, and later."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from decimal import Decimal

import pytest
from sqlalchemy import select

from shared.database.engine import Sessions
from shared.database.tables.orders import OrderRow
from shared.domain import Direction
from shared.queue.doorbell import make_redis
from tests.simulators.alpaca import KEY_ID, SECRET_KEY, Alpaca, is_order
from tests.simulators.server import Simulator
from tests.support.eventually import eventually
from tests.support.in_process_bridge import Bridge, running, signal
from workers.brokers.alpaca.broker import AlpacaBroker
from workers.brokers.alpaca.settings import parse
from workers.brokers.base import Broker, RateLimit
from workers.brokers.request_counter import RequestCounter

STRATEGIES = ("s1", "s2", "s3", "s4")


def make(settings: Mapping[str, str]) -> Broker:
    """Alpaca with room for one entry in two seconds."""
    broker = AlpacaBroker(parse(settings))
    broker.capabilities = replace(broker.capabilities, rate_limit=RateLimit(requests=8, seconds=2, submit=4))
    return broker


@pytest.fixture
def alpaca() -> Alpaca:
    return Alpaca()


@pytest.fixture
def simulator(alpaca: Alpaca) -> Iterator[Simulator]:
    with Simulator(alpaca, is_order).running() as serving:
        yield serving


@pytest.fixture
def bridge(sessions: Sessions, database_url: str, redis_url: str, simulator: Simulator) -> Iterator[Bridge]:
    with (
        closing(RequestCounter(make_redis(redis_url))) as meter,
        running(sessions, database_url, wait=0, meter=meter) as ready,
    ):
        settings = {"base_url": simulator.url, "key_id": KEY_ID, "secret_key": SECRET_KEY}
        ready.open_account(kind=f"{__name__}:make", **settings)
        yield ready


def placed(alpaca: Alpaca) -> list[tuple[str, str]]:
    filled = [order.body for order in alpaca.books.orders.values() if order.filled]
    return sorted((body["position_intent"], body["qty"]) for body in filled)


def says_that_it_waits(bridge: Bridge) -> None:
    waiting = [event.reason or "" for event in bridge.events() if event.state == "waiting"]
    assert any("budget of 8 requests in 2 s is used up" in reason for reason in waiting)


def test_every_signal_is_executed_once_and_those_beyond_the_budget_later(
    bridge: Bridge, alpaca: Alpaca, simulator: Simulator
) -> None:
    for quantity, strategy in enumerate(STRATEGIES, start=1):
        opened = signal("SIGNAL_OPEN", f"p-{strategy}", strategy_id=strategy, ticker="AAPL", quantity=Decimal(quantity))
        assert bridge.post(opened).status_code == 200
    flat = signal(
        "SIGNAL_CLOSE", "p-s1", strategy_id="s1", ticker="AAPL", quantity=Decimal(1), direction=Direction.SELL
    )
    assert bridge.post(flat).status_code == 200
    eventually(lambda: says_that_it_waits(bridge))
    bridge.settled()
    assert [event.state for event in bridge.events()] == ["done"] * 5
    assert placed(alpaca) == [*(("buy_to_open", str(each)) for each in (1, 2, 3, 4)), ("sell_to_close", "1")]
    assert len([call for call in simulator.calls if is_order(call)]) == 5
    with bridge.sessions() as session:
        assert max(session.scalars(select(OrderRow.attempts))) > 1
