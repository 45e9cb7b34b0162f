"""Redis hangs, dies and forgets: every event is answered in time, and executed once, when it is back."""

import signal as signals
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance import harness, live, redis_server
from tests.acceptance.live import Customer, Live, signal
from tests.acceptance.redis_server import OwnRedis
from tests.support.judge.observed import Exchange

pytestmark = pytest.mark.acceptance

EVENTS = 50
STRATEGIES = 10
LONGEST_ANSWER_SECONDS = 2.0


@pytest.fixture(scope="module")
def redis() -> Iterator[OwnRedis]:
    with redis_server.running() as server:
        yield server


@pytest.fixture(scope="module")
def lonely_bridge(live_folder: Path, redis: OwnRedis) -> Iterator[Live]:
    """A run on the Redis of this test."""
    settings = {"WORKER_CONCURRENCY": "4", "REDIS_URL": redis.url, "BRIDGE_SWEEP_INTERVAL_SECONDS": "1"}
    run = harness.start(live_folder / "var-without-redis", settings=settings)
    with live.looking_at(run) as seen:
        yield seen
    assert run.stop(signals.SIGTERM) == 0, run.output


def test_a_redis_that_hangs_delays_no_answer_and_no_event_is_lost(lonely_bridge: Live, redis: OwnRedis) -> None:
    customer = lonely_bridge.open_account("hung")
    history = burst(customer, before=lambda: redis.send(signals.SIGSTOP))
    redis.send(signals.SIGCONT)
    assert longest(history) < LONGEST_ANSWER_SECONDS
    every_event_was_executed_once(customer, history)


def test_a_redis_that_dies_with_all_that_is_in_it_loses_no_event(lonely_bridge: Live, redis: OwnRedis) -> None:
    customer = lonely_bridge.open_account("dead")
    history = burst(customer, before=lambda: redis.send(signals.SIGKILL))
    redis.start()
    assert longest(history) < LONGEST_ANSWER_SECONDS
    every_event_was_executed_once(customer, history)


def test_a_redis_that_forgets_everything_in_the_middle_loses_no_event(lonely_bridge: Live, redis: OwnRedis) -> None:
    customer = lonely_bridge.open_account("forgetful", latency_ms="50")
    history = burst(customer, amid=redis.flush)
    every_event_was_executed_once(customer, history)


def nothing() -> None:
    """What happens where nothing is to happen."""


def burst(
    customer: Customer, before: Callable[[], None] = nothing, amid: Callable[[], None] = nothing
) -> list[Exchange]:
    """Each of ten strategies opens, flips three times and closes, eight posts at a time; every tenth brings `amid`."""
    start = time.time_ns() // 1_000_000
    before()

    def post(number: int) -> Exchange:
        step, strategy = divmod(number, STRATEGIES)
        type_ = "SIGNAL_OPEN" if step == 0 else "SIGNAL_CLOSE" if step == 4 else "SIGNAL_REOPEN"
        position = f"s{strategy}-p{min(step, 3)}"
        if number % 10 == 9:
            amid()
        return customer.deliver(signal(type_, position, strategy_id=f"s{strategy}", timestamp_ms=start + number))

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(post, range(EVENTS)))


def longest(history: list[Exchange]) -> float:
    return max(exchange.ended - exchange.began for exchange in history)


def every_event_was_executed_once(customer: Customer, history: list[Exchange]) -> None:
    assert {exchange.answer.status for exchange in history if exchange.answer} == {200}
    customer.settled(EVENTS, timeout=60)
    assert {row.state for row in customer.rows()} == {"done"}
    assert len(customer.orders()) == STRATEGIES * (1 + 2 * 3 + 1)
    assert customer.net() == {}
    assert customer.violations(history) == []
