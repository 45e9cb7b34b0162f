"""The first hour with the bridge: the banner's line, the listings, the guide's example, a strategy that flips."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import httpx
import pytest

from shared.domain import Direction
from tests.acceptance.live import Customer, Live, signal
from tests.fuzz.bodies import PAYLOADS
from tests.support.eventually import eventually

pytestmark = pytest.mark.acceptance

EVENT = [
    *("id", "account", "type", "state", "error_type", "strategy_id", "proquant_position_id"),
    *("received_at", "finished_at"),
]
ORDER = [
    *("id", "event_id", "leg", "client_order_id", "broker_order_id"),
    *("symbol", "side", "quantity", "filled_quantity", "state"),
]
POSITION = ["account", "strategy_id", "proquant_position_id", "ticker", "direction", "quantity", "state"]


@pytest.fixture(scope="module")
def banner_answer(bridge: Live) -> tuple[int, dict[str, str], str]:
    """What the banner's own line prints in a shell: status, headers, body."""
    ran = subprocess.run(["sh", "-c", bridge.run.curl], check=True, capture_output=True, text=True)
    head, _, body = ran.stdout.partition("\n\n")
    first, *lines = head.splitlines()
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return int(first.split()[1]), headers, body


def test_the_line_of_the_banner_is_answered_200_with_nothing_in_it(
    banner_answer: tuple[int, dict[str, str], str],
) -> None:
    status, headers, body = banner_answer
    assert (status, body) == (200, "")
    assert headers["content-length"] == "0"
    assert not {"content-type", "x-proquant-error"} & headers.keys()


@pytest.mark.usefixtures("banner_answer")
def test_the_listings_show_what_it_did_with_the_fields_that_others_build_on(bridge: Live) -> None:
    [position] = bridge.records("positions", "list", "--account", "demo")
    [order] = bridge.records("orders", "list", "--account", "demo")
    [event] = bridge.records("events", "list", "--account", "demo")
    assert [list(position), list(order), list(event)] == [POSITION, ORDER, EVENT]
    assert list(position.values())[3:] == ["XAUUSD", "BUY", "10", "open"]
    assert (order["event_id"], order["quantity"], order["filled_quantity"]) == (event["id"], "10", "10")
    assert (event["type"], event["state"], event["error_type"]) == ("SIGNAL_OPEN", "done", None)


@pytest.mark.usefixtures("banner_answer")
def test_the_receipt_of_an_event_holds_the_event_its_order_with_the_fill_and_its_position(bridge: Live) -> None:
    [event] = bridge.records("events", "list", "--account", "demo")
    receipt = json.loads(bridge.run.cli("events", "show", str(event["id"]), "--json"))
    assert {name: receipt[name] for name in EVENT} == event
    [order], [position] = receipt["orders"], receipt["positions"]
    assert list(order)[: len(ORDER)] == ORDER
    assert [fill["quantity"] for fill in order["fills"]] == ["10"]
    assert (position["direction"], position["quantity"]) == ("BUY", "10")
    assert receipt["alerts"] == []


@pytest.fixture(scope="module")
def reader_of_the_guide(bridge: Live) -> Customer:
    """An account that gets the guide's example and nothing else."""
    return bridge.open_account("guide")


def test_the_example_of_the_guide_is_executed_once_however_often_and_at_once_it_comes(
    reader_of_the_guide: Customer,
) -> None:
    body = (PAYLOADS / "guide-example.json").read_bytes()

    def post(_: int) -> httpx.Response:
        return reader_of_the_guide.live.post(body, reader_of_the_guide.token)

    with ThreadPoolExecutor(50) as pool:
        answers = [post(0), post(1), *pool.map(post, range(50))]
    assert {(answer.status_code, answer.content) for answer in answers} == {(200, b"")}
    assert [row.state for row in reader_of_the_guide.rows()] == ["done"]
    assert reader_of_the_guide.trades() == ["BUY 10 960fe1a63d264d0f4e19a0ebf385497e"]


def test_fifty_deliveries_of_an_event_that_nobody_knew_are_one_event_and_one_order(bridge: Live) -> None:
    customer = bridge.open_account("fifty", latency_ms="300")
    event = signal("SIGNAL_OPEN", "p1")
    with ThreadPoolExecutor(50) as pool:
        history = list(pool.map(lambda _: customer.deliver(event), range(50)))
    assert {exchange.answer.status for exchange in history if exchange.answer} == {200}
    customer.settled(1)
    assert customer.trades() == ["BUY 10 p1"]
    assert customer.violations(history) == []


@pytest.fixture(scope="module")
def slow_customer(bridge: Live) -> Customer:
    """An account at a broker that takes longer for an order than the next signal takes to come."""
    return bridge.open_account("story", latency_ms="400")


def test_signals_that_come_faster_than_the_broker_works_are_executed_in_order_and_end_flat(
    slow_customer: Customer,
) -> None:
    story = [("SIGNAL_OPEN", "p1", "BUY"), ("SIGNAL_REOPEN", "p2", "SELL"), ("SIGNAL_REOPEN", "p3", "BUY")]
    with ThreadPoolExecutor(4) as pool:
        posts = []
        for number, (type_, position, direction) in enumerate([*story, ("SIGNAL_CLOSE", "p3", "BUY")], 1):
            event = signal(type_, position, direction=Direction(direction))
            posts.append(pool.submit(slow_customer.deliver, event))
            eventually(partial(_is_stored, slow_customer, number))
        unfinished = [post for post in posts if not post.done()]
        history = [post.result() for post in posts]
    assert unfinished[-3:] == posts[-3:], "the broker was too fast for this test to prove anything"
    assert [exchange.answer.status for exchange in history if exchange.answer] == [200, 200, 200, 200]
    assert slow_customer.trades() == ["BUY 10 p1", "SELL 10 p2", "SELL 10 p2", "BUY 10 p3", "BUY 10 p3", "SELL 10 p3"]
    assert slow_customer.net() == {}
    assert slow_customer.violations(history) == []


def _is_stored(customer: Customer, count: int) -> None:
    assert len(customer.rows()) == count
