"""Budgets toward the broker: shared by workers, exits before entries, and stricter where Redis is away."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from redis import Redis

from shared.database.engine import Sessions
from shared.domain import ClientOrderId, Direction, Leg
from shared.queue.doorbell import make_redis
from tests.support.eventually import eventually
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import CAPABILITIES, ScriptedBroker, open_workshop
from workers.brokers.base import BrokerUnavailable, OrderRequest, RateLimit
from workers.brokers.rate_limit import RateLimitedBroker
from workers.brokers.request_counter import LONGEST_SECONDS, MOST_WAIT_SECONDS, RequestCounter

RATE_LIMIT = RateLimit(requests=10, seconds=60)
NOBODY = "redis://127.0.0.1:1/0"


def order(name: str, leg: Leg = Leg.OPEN) -> OrderRequest:
    return OrderRequest(ClientOrderId(name), "XAUUSD", Direction.BUY, Decimal(1), leg, "s", "p")


class Desks:
    """Makes workers' brokers, each with a meter of its own, and what stands behind it."""

    def __init__(self) -> None:
        self._meters: list[RequestCounter] = []

    def __call__(
        self, url: str, rate_limit: RateLimit = RATE_LIMIT, account: str = "1"
    ) -> tuple[RateLimitedBroker, ScriptedBroker]:
        broker = ScriptedBroker(capabilities=replace(CAPABILITIES, rate_limit=rate_limit))
        return RateLimitedBroker(broker, self.meter(url), account), broker

    def meter(self, url: str, pause: Callable[[float], None] = time.sleep) -> RequestCounter:
        meter = RequestCounter(make_redis(url), pause=pause)
        self._meters.append(meter)
        return meter

    def close(self) -> None:
        for meter in self._meters:
            meter.close()


@pytest.fixture
def desk() -> Iterator[Desks]:
    """Closed in the end."""
    with closing(Desks()) as desks:
        yield desks


def opens(budgeted: RateLimitedBroker, most: int) -> int:
    """How many orders go out before one is refused."""
    for number in range(most):
        try:
            budgeted.submit(order(f"o{number}-{id(budgeted)}"))
        except BrokerUnavailable:
            return number
    return most


def test_two_workers_share_the_budget_of_an_account(redis_url: str, desk: Desks) -> None:
    (one, broker), (other, others) = desk(redis_url), desk(redis_url)
    assert opens(one, 5) == 5
    assert opens(other, 20) == 3  # eight of ten: the rest is for exits
    assert (len(broker.submitted), len(others.submitted)) == (5, 3)


def test_another_account_has_a_budget_of_its_own(redis_url: str, desk: Desks) -> None:
    (one, _), (other, _) = desk(redis_url), desk(redis_url, account="2")
    assert (opens(one, 20), opens(other, 20)) == (8, 8)


def test_exits_and_look_ups_go_on_while_entries_wait(redis_url: str, desk: Desks) -> None:
    budgeted, broker = desk(redis_url)
    assert opens(budgeted, 20) == 8
    budgeted.submit(order("exit", Leg.CLOSE))
    budgeted.find(order("exit"))
    with pytest.raises(BrokerUnavailable):
        budgeted.submit(order("exit-2", Leg.CLOSE))
    assert [each.client_order_id for each in broker.submitted][-1] == "exit"


def test_what_is_beyond_the_budget_is_not_sent_and_says_when_to_come_back(redis_url: str, desk: Desks) -> None:
    budgeted, broker = desk(redis_url, RateLimit(requests=2, seconds=30, submit=2))
    assert opens(budgeted, 1) == 1
    began = time.monotonic()
    with pytest.raises(BrokerUnavailable) as refused:
        budgeted.submit(order("late"))
    assert time.monotonic() - began < MOST_WAIT_SECONDS
    assert refused.value.retry_after is not None
    assert 25 < refused.value.retry_after <= 30
    assert "budget of 2 requests in 30 s" in refused.value.reason
    assert len(broker.submitted) == 1


def test_what_is_to_be_had_in_a_moment_is_waited_for(redis_url: str, desk: Desks) -> None:
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        threading.Event().wait(seconds)

    broker = ScriptedBroker(capabilities=replace(CAPABILITIES, rate_limit=RateLimit(requests=1, seconds=1)))
    budgeted = RateLimitedBroker(broker, desk.meter(redis_url, pause), "1")
    budgeted.submit(order("first"))
    budgeted.submit(order("second"))
    assert len(broker.submitted) == 2
    assert 0 < sum(waited) <= MOST_WAIT_SECONDS


def test_a_broker_that_asks_one_worker_for_patience_gets_it_from_all(redis_url: str, desk: Desks) -> None:
    (one, broker), (other, others) = desk(redis_url), desk(redis_url)
    broker.script.append(BrokerUnavailable("429", 20))
    with pytest.raises(BrokerUnavailable):
        one.submit(order("told"))
    for waiting in (one, other):
        with pytest.raises(BrokerUnavailable) as refused:
            waiting.submit(order("patient", Leg.CLOSE))
        assert refused.value.retry_after == pytest.approx(20, abs=2)
    assert others.submitted == []


@pytest.mark.parametrize("hung", [False, True])
def test_without_redis_a_process_takes_a_share_and_nothing_is_raised(hung: bool, redis_url: str, desk: Desks) -> None:
    if hung:
        with Redis.from_url(redis_url) as client:
            client.execute_command("CLIENT", "PAUSE", 3000, "ALL")
    budgeted, _ = desk(redis_url if hung else NOBODY, RateLimit(requests=20, seconds=60))
    began = time.monotonic()
    assert opens(budgeted, 20) == 4  # four fifths of a quarter
    assert time.monotonic() - began < 5
    if hung:
        with Redis.from_url(redis_url, socket_timeout=10) as client:
            client.execute_command("CLIENT", "UNPAUSE")


def test_patience_holds_without_redis_too(desk: Desks) -> None:
    budgeted, broker = desk(NOBODY, RateLimit(requests=100, seconds=60))
    broker.script.append(BrokerUnavailable("429", 20))
    with pytest.raises(BrokerUnavailable):
        budgeted.submit(order("told"))
    with pytest.raises(BrokerUnavailable):
        budgeted.submit(order("patient"))
    assert len(broker.submitted) == 1


@pytest.mark.parametrize(("marks", "left"), [(False, 10), (True, 5)])
def test_a_mark_costs_a_request_only_where_there_are_marks(marks: bool, left: int, redis_url: str, desk: Desks) -> None:
    budgeted, broker = desk(redis_url)
    broker.capabilities = replace(broker.capabilities, marks=marks)
    for _ in range(5):
        budgeted.mark()
    exits = 0
    with suppress(BrokerUnavailable):
        for number in range(20):
            budgeted.submit(order(f"x{number}", Leg.CLOSE))
            exits += 1
    assert exits == left


def test_leases_count_with_the_waiting(redis_url: str, desk: Desks) -> None:
    budgeted, broker = desk(redis_url)
    expected = broker.capabilities.deadline_seconds + LONGEST_SECONDS
    assert budgeted.capabilities.deadline_seconds == pytest.approx(expected)


def test_a_broker_without_a_budget_is_left_alone(desk: Desks) -> None:
    broker = ScriptedBroker()
    budgeted = RateLimitedBroker(broker, desk.meter(NOBODY), "1")
    assert opens(budgeted, 50) == 50
    assert budgeted.capabilities == broker.capabilities


def test_an_event_beyond_the_budget_waits_in_its_row_says_why_and_is_executed_once(
    sessions: Sessions, redis_url: str, desk: Desks
) -> None:
    shop = open_workshop(sessions)
    shop.broker.capabilities = replace(CAPABILITIES, rate_limit=RateLimit(requests=2, seconds=3))
    budgeted = RateLimitedBroker(shop.broker, desk.meter(redis_url), "1")
    first = shop.arrives(signal("SIGNAL_OPEN", "p1", strategy_id="s1"), answered=True)
    second = shop.arrives(signal("SIGNAL_OPEN", "p2", strategy_id="s2"), answered=True)
    for _ in range(2):
        budgeted.is_open("XAUUSD", datetime.now(UTC))  # takes all that there is
    shop.run(first, broker=lambda _: budgeted)
    assert (shop.event(first).state, shop.broker.submitted) == ("waiting", [])
    assert "budget of 2 requests in 3 s is used up" in (shop.event(first).reason or "")

    def settle() -> None:
        for event in (first, second):
            shop.later(30)
            shop.run(event, broker=lambda _: budgeted)
        assert shop.states() == ["done", "done"]

    eventually(settle, timeout=60, interval=0.5)
    assert shop.orders()[0].attempts > 1
    assert len(shop.broker.submitted) == len(shop.broker.books) == 2
