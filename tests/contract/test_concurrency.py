"""BC-060 to BC-069: one broker instance serves several threads at once."""

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from shared.domain import Direction, ErrorType
from tests.contract.bench import SETUPS, VARIANTS, Bench, listed, order
from workers.brokers.base import Broker, Dedupe, OrderRejected, OrderReport

THREADS = 8


def test_bc_060_orders_of_many_threads_all_count_once(bench: Bench, broker: Broker) -> None:
    broker.account()  # until it was asked, a broker that may hedge or net is declared with care
    both = broker.capabilities.opposite_sides and listed(bench, broker).shortable
    sides = [Direction.BUY, Direction.BUY, Direction.BUY, Direction.SELL if both else Direction.BUY] * 10
    orders = [order(bench, side=side, strategy_id=f"strategy-{number}") for number, side in enumerate(sides)]
    with ThreadPoolExecutor(THREADS) as threads:
        reports = list(threads.map(broker.submit, orders))
    assert len({report.broker_order_id for report in reports}) == 40
    assert len({fill.fill_id for report in reports for fill in report.fills}) == 40
    assert [position.quantity for position in broker.positions()] == [(20 if both else 40) * bench.quantity]
    assert [broker.find(sent) for sent in orders] == reports


@pytest.mark.parametrize("bench", [*SETUPS, *VARIANTS], indirect=True)
def test_bc_061_one_client_order_id_from_many_threads_is_one_order(bench: Bench, broker: Broker) -> None:
    if broker.capabilities.dedupe not in {Dedupe.LIFETIME, Dedupe.WHILE_OPEN}:
        pytest.skip(f"dedupe is declared as {broker.capabilities.dedupe}")
    same = order(bench)
    with ThreadPoolExecutor(THREADS) as threads:
        reports: list[OrderReport] = list(threads.map(broker.submit, [same] * THREADS))
    assert len({report.broker_order_id for report in reports}) == 1
    assert [position.quantity for position in broker.positions()] == [bench.quantity]


def test_bc_062_many_threads_cannot_spend_the_same_funds_twice(bench: Bench, broker: Broker) -> None:
    part = (bench.unaffordable / 10).to_integral_value()

    def buy(number: int) -> Decimal:
        try:
            return broker.submit(order(bench, quantity=part, strategy_id=f"strategy-{number}")).filled_quantity
        except OrderRejected as refused:
            if refused.type is not ErrorType.INSUFFICIENT_FUNDS:
                raise
            return Decimal(0)

    with ThreadPoolExecutor(THREADS) as threads:
        bought = sum(threads.map(buy, range(THREADS)), Decimal(0))
    assert Decimal(0) < bought < part * THREADS
    assert [position.quantity for position in broker.positions()] == [bought]
    assert broker.account().available >= 0
