"""What stops an account's calls for a while, what does not, and the budget that a setting gives it."""

from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest
from redis import Redis

from shared.domain import ClientOrderId, Direction, Leg
from shared.errors import ConfigurationError
from shared.ledger.reports import OrderReport
from shared.queue.doorbell import make_redis
from tests.simulators.server import Answer, Simulator
from tests.support.worker_harness import CAPABILITIES, ScriptedBroker
from workers.brokers import retry_after
from workers.brokers.base import BrokerUnavailable, Instrument, OrderRequest, RateLimit, Withheld
from workers.brokers.binance.ban_guard import BanGuard
from workers.brokers.http_client import HttpClient
from workers.brokers.paper.broker import PaperBroker
from workers.brokers.rate_limit import RateLimitedBroker
from workers.brokers.rate_limit_setting import own_rate_limit
from workers.brokers.registry import make_broker
from workers.brokers.request_counter import LONGEST_SECONDS, RequestCounter

RATE_LIMIT = RateLimit(requests=10, seconds=60)
NOWHERE = {"database_url": "postgresql://nobody@127.0.0.1:1/nowhere"}


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with make_redis(redis_url) as client:
        yield client


@dataclass
class GuardedBroker(ScriptedBroker):
    """Lists its instruments through Binance's gate."""

    gate: BanGuard = field(default_factory=BanGuard)

    def instruments(self) -> tuple[Instrument, ...]:
        self.gate.admit(urgent=False)
        return ()


def exit_order(name: str = "exit") -> OrderRequest:
    return OrderRequest(ClientOrderId(name), "XAUUSD", Direction.SELL, Decimal(1), Leg.CLOSE, "s", "p")


def test_weight_that_is_kept_for_orders_does_not_stop_an_exit(redis: Redis) -> None:
    broker = GuardedBroker(capabilities=replace(CAPABILITIES, rate_limit=RATE_LIMIT))
    broker.gate.heard({"x-mbx-used-weight-1m": "2399"})
    budgeted = RateLimitedBroker(broker, RequestCounter(redis), "1")
    with pytest.raises(Withheld):
        budgeted.instruments()
    budgeted.submit(exit_order())
    assert len(broker.submitted) == 1


def test_a_short_hold_does_not_end_a_longer_one(redis: Redis) -> None:
    told, other = RequestCounter(redis), RequestCounter(redis)
    told.hold("1", 60)
    told.hold("1", 0.001)
    for meter in (told, other):
        with pytest.raises(Withheld) as refused:
            meter.spend("1", RATE_LIMIT, 1, entry=False)
        assert refused.value.retry_after == pytest.approx(60, abs=5)


def test_a_longer_hold_goes_on_without_redis_too() -> None:
    with make_redis("redis://127.0.0.1:1/0") as nobody:
        meter = RequestCounter(nobody)
        meter.hold("1", 60)
        meter.hold("1", 0.001)
        with pytest.raises(Withheld) as refused:
            meter.spend("1", RATE_LIMIT, 1, entry=False)
    assert refused.value.retry_after == pytest.approx(60, abs=5)


def test_what_a_worker_was_told_holds_after_redis_has_lost_it(redis: Redis) -> None:
    meter = RequestCounter(redis)
    meter.hold("1", 60)
    redis.flushall()
    with pytest.raises(Withheld):
        meter.spend("1", RATE_LIMIT, 1, entry=False)


def test_a_spend_for_which_redis_took_too_long_sends_nothing(redis: Redis) -> None:
    """The lease covers the declared time and no more; this clock goes on by more than that whenever it is asked."""
    times = iter(range(0, 1000, int(LONGEST_SECONDS) + 1))
    broker = ScriptedBroker(capabilities=replace(CAPABILITIES, rate_limit=RATE_LIMIT))
    budgeted = RateLimitedBroker(broker, RequestCounter(redis, monotonic=lambda: float(next(times))), "1")
    with pytest.raises(Withheld, match="took too long"):
        budgeted.submit(exit_order())
    assert broker.submitted == []


def sent(budgeted: RateLimitedBroker, most: int = 30) -> int:
    """How many exits go out before one has to wait."""
    for number in range(most):
        try:
            budgeted.submit(exit_order(f"x{number}"))
        except BrokerUnavailable:
            return number
    return most


@pytest.mark.parametrize(
    ("declared", "own", "goes_out"),
    [
        (RateLimit(requests=10, seconds=60), 4, 4),  # lowered
        (RateLimit(requests=10, seconds=60), 10, 10),  # the same budget is not counted twice
        (RateLimit(requests=10, seconds=60), 20, 10),  # never raised
        (RateLimit(requests=10, seconds=30), 4, 4),  # in another unit
        (None, 4, 4),  # where the adapter declares none
    ],
)
def test_a_setting_only_lowers_the_budget(redis: Redis, declared: RateLimit | None, own: int, goes_out: int) -> None:
    broker = ScriptedBroker(capabilities=replace(CAPABILITIES, rate_limit=declared))
    assert sent(RateLimitedBroker(broker, RequestCounter(redis), "1", own)) == goes_out == len(broker.submitted)


def test_leases_count_with_the_waiting_for_each_of_two_budgets(redis: Redis) -> None:
    broker = ScriptedBroker(capabilities=replace(CAPABILITIES, rate_limit=RATE_LIMIT))
    longer = RateLimitedBroker(broker, RequestCounter(redis), "1", 5).capabilities.deadline_seconds
    assert longer == pytest.approx(CAPABILITIES.deadline_seconds + 2 * LONGEST_SECONDS)


def test_every_kind_takes_the_setting_and_no_factory_sees_it() -> None:
    made = make_broker("paper", {**NOWHERE, "requests_per_minute": "30"}, "demo")
    assert isinstance(made, PaperBroker)
    made.close()


@pytest.mark.parametrize("odd", ["0", "-1", "1.5", "many", "", "100001", "9" * 5000, "٣"])
def test_an_odd_budget_is_refused_by_name(odd: str) -> None:
    with pytest.raises(ConfigurationError, match="requests_per_minute"):
        make_broker("paper", {**NOWHERE, "requests_per_minute": odd}, "demo")


def test_without_the_setting_an_account_has_no_budget_of_its_own() -> None:
    assert own_rate_limit({"token": "t"}) is None


@dataclass
class Polling(ScriptedBroker):
    """Goes on without the answer of a poll, as an adapter must whose order was taken."""

    wire: HttpClient = field(default_factory=lambda: HttpClient("http://127.0.0.1:1"))

    def submit(self, order: OrderRequest) -> OrderReport:
        report = super().submit(order)
        with suppress(BrokerUnavailable):
            self.wire.read("GET", "/poll")
        return report


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"Retry-After": "45"}, 45), ({}, 60), ({"Retry-After": "Sat, 28 Nov 2026 12:00:00 GMT"}, 60)],
    ids=["named", "unnamed", "a date"],
)
def test_a_broker_that_asks_a_poll_for_patience_gets_it_from_all(
    redis: Redis, headers: dict[str, str], seconds: float
) -> None:
    """Without a time that it names, for as long as its budget counts."""
    answer = Answer(429, {"message": "too many requests."}, headers)
    with (
        Simulator(lambda _: answer, lambda _: False).running() as simulator,
        closing(HttpClient(simulator.url)) as wire,
    ):
        told = RateLimitedBroker(
            Polling(capabilities=replace(CAPABILITIES, rate_limit=RATE_LIMIT), wire=wire), RequestCounter(redis), "1"
        )
        told.submit(exit_order())
    with pytest.raises(Withheld, match="has asked the account for fewer requests") as refused:
        RateLimitedBroker(
            ScriptedBroker(capabilities=replace(CAPABILITIES, rate_limit=RATE_LIMIT)), RequestCounter(redis), "1"
        ).positions()
    assert refused.value.retry_after == pytest.approx(seconds, abs=5)


def test_a_poll_that_fails_otherwise_holds_nobody(redis: Redis) -> None:
    with (
        Simulator(lambda _: Answer(500), lambda _: False).running() as simulator,
        closing(HttpClient(simulator.url)) as wire,
    ):
        told = RateLimitedBroker(
            Polling(capabilities=replace(CAPABILITIES, rate_limit=RATE_LIMIT), wire=wire), RequestCounter(redis), "1"
        )
        told.submit(exit_order())
        told.submit(exit_order("again"))


def test_what_nobody_listens_to_is_no_error() -> None:
    retry_after.note_pause(5)
    with retry_after.collecting_pauses() as heard:
        retry_after.note_pause(None)
        retry_after.note_pause(2)
        retry_after.note_pause(1)
    retry_after.note_pause(9)
    assert (heard.seconds, heard.unnamed) == (2, True)
