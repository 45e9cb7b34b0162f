"""The chaos broker and its adapter: each fault is told as what it proves, and the books survive."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from shared.domain import ClientOrderId, Direction, Leg, OrderState
from tests.chaos import adapter, books
from tests.chaos.broker_faults import RETRY_AFTER_SECONDS, BrokerFault
from tests.chaos.broker_server import make_server
from tests.chaos.test_plan import STRIKES
from workers.brokers.base import Broker, BrokerUnavailable, OrderRequest, OutcomeUnknown

ORDER = OrderRequest(ClientOrderId("pq-1"), "XAUUSD", Direction.BUY, Decimal(3), Leg.OPEN, "s", "p")

Start = Callable[[str], tuple[Broker, str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a broker server on the books of this test, and gives an adapter and its URL."""
    with ExitStack() as stack:

        def started(dedupe: str) -> tuple[Broker, str]:
            server = make_server(0, tmp_path / "books.jsonl", dedupe)
            stack.callback(server.server_close)
            stack.callback(server.shutdown)
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            url = f"http://127.0.0.1:{server.server_address[1]}"
            broker = adapter.make({"url": url, "account": "a", "dedupe": dedupe})
            stack.callback(broker.close)
            return broker, url

        yield started


def strike(url: str, fault: BrokerFault) -> None:
    members = {"fault": fault, "seconds": 60, "seed": STRIKES}
    httpx.post(f"{url}/faults", json=members, trust_env=False).raise_for_status()


def test_an_accepted_order_is_filled_found_and_held(start: Start) -> None:
    broker, _ = start("lifetime")
    report = broker.submit(ORDER)
    assert (report.state, report.filled_quantity) == (OrderState.FILLED, Decimal(3))
    assert broker.find(ORDER) == report
    assert [(position.symbol, position.quantity) for position in broker.positions()] == [("XAUUSD", Decimal(3))]


def test_a_known_id_gets_the_first_order_or_makes_another_by_the_rule(start: Start, tmp_path: Path) -> None:
    strict, _ = start("lifetime")
    assert strict.submit(ORDER) == strict.submit(ORDER)
    assert len(books.read(tmp_path / "books.jsonl")) == 1
    careless, _ = start("none")
    careless.submit(ORDER)
    assert len(books.read(tmp_path / "books.jsonl")) == 2


@pytest.mark.parametrize("fault", [BrokerFault.REPLY_LOST, BrokerFault.ERROR_AFTER])
def test_an_order_whose_reply_was_lost_is_unknown_and_then_found(start: Start, fault: BrokerFault) -> None:
    broker, url = start("lifetime")
    strike(url, fault)
    with pytest.raises(OutcomeUnknown):
        broker.submit(ORDER)
    assert broker.find(ORDER) is not None


def test_an_error_before_acceptance_looks_the_same_and_the_order_is_not_there(start: Start) -> None:
    broker, url = start("lifetime")
    strike(url, BrokerFault.ERROR_BEFORE)
    with pytest.raises(OutcomeUnknown):
        broker.submit(ORDER)
    assert broker.find(ORDER) is None


def test_a_throttled_order_was_not_accepted_and_the_broker_says_when_to_come_back(start: Start) -> None:
    broker, url = start("lifetime")
    strike(url, BrokerFault.THROTTLED)
    with pytest.raises(BrokerUnavailable) as raised:
        broker.submit(ORDER)
    assert raised.value.retry_after == RETRY_AFTER_SECONDS
    assert broker.find(ORDER) is None


def test_a_look_up_that_fails_proves_nothing_and_one_that_lags_misses_a_young_order(start: Start) -> None:
    broker, url = start("lifetime")
    broker.submit(ORDER)
    strike(url, BrokerFault.LOOKUPS_LAG)
    assert broker.find(ORDER) is None
    strike(url, BrokerFault.LOOKUPS_FAIL)
    with pytest.raises(BrokerUnavailable):
        broker.find(ORDER)


def test_a_broker_that_is_away_has_not_got_the_order() -> None:
    broker = adapter.make({"url": "http://127.0.0.1:1", "account": "a"})
    with pytest.raises(BrokerUnavailable):
        broker.submit(ORDER)
    broker.close()


def test_the_books_outlive_the_server(start: Start) -> None:
    first, _ = start("lifetime")
    report = first.submit(ORDER)
    second, _ = start("lifetime")
    assert second.find(ORDER) == report
