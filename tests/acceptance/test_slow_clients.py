"""Clients that begin a request and never end it: everybody else is served as if they were not there."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import httpx
import pytest

from receiver.transport.http_limits import HEAD_SECONDS, LARGEST_HEAD
from tests.acceptance.live import WEBHOOK, Customer, Live, signal
from tests.support.eventually import eventually

pytestmark = pytest.mark.acceptance

CONNECTIONS = 200
HEAD = f"POST {WEBHOOK} HTTP/1.1\r\nHost: localhost\r\n"


def half_a_header(_: str) -> str:
    return HEAD + "Authori"


def half_a_body_of_a_stranger(_: str) -> str:
    return half_a_body_of_a_customer("wrong")


def half_a_body_of_a_customer(token: str) -> str:
    rest = f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n"
    return HEAD + rest + '{"v1": {"deprecation": null, '


@pytest.fixture(scope="module")
def customer(bridge: Live) -> Customer:
    return bridge.open_account("beside-slow-clients")


@pytest.fixture(scope="module")
def slow_customer(bridge: Live) -> Customer:
    return bridge.open_account("slow-client")


@pytest.mark.parametrize(
    ("beginning", "patience"),
    # A busy machine may take a while to deal with two hundred beginnings. The server itself ends a header after five
    # seconds, and a body never: a server that is stuck does not come back within these times.
    [(half_a_header, 3), (half_a_body_of_a_stranger, 10), (half_a_body_of_a_customer, 10)],
)
def test_two_hundred_clients_that_never_finish_their_request_keep_nobody_else_out(
    customer: Customer, slow_customer: Customer, beginning: Callable[[str], str], patience: float
) -> None:
    name = beginning.__name__
    body = customer.body(signal("SIGNAL_OPEN", name, strategy_id=name))
    with clients(customer.live.run.port, beginning(slow_customer.token).encode()):
        eventually(lambda: _all_is_answered_within_a_second(customer, body), timeout=patience)
    assert customer.trades()[-1] == f"BUY 10 {name}"


def _all_is_answered_within_a_second(customer: Customer, body: bytes) -> None:
    for _ in range(5):
        assert seconds_for(customer.live, lambda http: http.get("/healthz")) < 1
    headers = {"Authorization": f"Bearer {customer.token}", "Content-Type": "application/json"}
    assert seconds_for(customer.live, lambda http: http.post(WEBHOOK, content=body, headers=headers)) < 1


def test_a_client_that_is_slow_two_hundred_times_is_served_where_it_is_not(slow_customer: Customer) -> None:
    with clients(slow_customer.live.run.port, half_a_body_of_a_customer(slow_customer.token).encode()) as connections:
        eventually(lambda: _is_served(slow_customer.post(signal("SIGNAL_OPEN", "at-last"))))
        answers = [connection.recv(1000) for connection in connections]
    assert all(answer.startswith(b"HTTP/1.1 503 ") and b"retry-after: 5" in answer.lower() for answer in answers)


def _is_served(answer: httpx.Response) -> None:
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("beginning", "longest"),
    [
        (HEAD + "X-Long: " + "x" * (LARGEST_HEAD + 1), HEAD_SECONDS / 2),
        (HEAD + "X-Many: x\r\n" * LARGEST_HEAD, HEAD_SECONDS / 2),
        (HEAD + "Authori", HEAD_SECONDS + 2),
        ("", HEAD_SECONDS + 2),
        (f"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n{HEAD}", HEAD_SECONDS + 2),
    ],
    ids=["one long", "many", "unfinished", "nothing", "the second unfinished"],
)
def test_who_says_too_much_or_too_little_before_its_body_is_cut_off(
    bridge: Live, beginning: str, longest: float
) -> None:
    address = ("127.0.0.1", bridge.run.port)
    # It may be cut off while it still says too much.
    with socket.create_connection(address, timeout=longest) as connection, suppress(ConnectionError):
        connection.sendall(beginning.encode())
        while connection.recv(1000):
            pass


def test_a_head_that_begins_behind_a_large_body_costs_nobody_an_answer(bridge: Live) -> None:
    body = b"x" * (2 * LARGEST_HEAD)
    first = f"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", bridge.run.port), timeout=HEAD_SECONDS / 2) as connection:
        connection.sendall(first + body + HEAD.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


@contextmanager
def clients(port: int, beginning: bytes) -> Iterator[list[socket.socket]]:
    """So many connections that have sent `beginning`, and no more."""
    with ExitStack() as stack:
        connections = []
        for _ in range(CONNECTIONS):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=15))
            connection.sendall(beginning)
            connections.append(connection)
        yield connections


def seconds_for(live: Live, request: Callable[[httpx.Client], httpx.Response]) -> float:
    """How long a request took that was answered 200, over a connection of its own."""
    with httpx.Client(base_url=live.run.base_url, trust_env=False, timeout=10) as http:
        started = time.monotonic()
        answer = request(http)
        taken = time.monotonic() - started
    assert answer.status_code == 200, answer.text
    return taken
