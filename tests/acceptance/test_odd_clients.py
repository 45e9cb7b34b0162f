"""Clients that speak HTTP in their own ways: offers of another protocol, bodies that are packed."""

import gzip
import socket
from http.client import HTTPResponse

import httpx
import pytest

from tests.acceptance.live import WEBHOOK, Customer, Live, signal

pytestmark = pytest.mark.acceptance

OFFER = "Connection: Upgrade, HTTP2-Settings\r\nuPgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n"


@pytest.fixture(scope="module")
def customer(bridge: Live) -> Customer:
    return bridge.open_account("odd-clients")


def request(customer: Customer, name: str) -> bytes:
    """What `curl --http2` sends, and Java's client by default."""
    body = customer.body(signal("SIGNAL_OPEN", name, strategy_id=name))
    head = (
        f"POST {WEBHOOK} HTTP/1.1\r\nHost: localhost\r\n{OFFER}Authorization: Bearer {customer.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def answer(connection: socket.socket) -> tuple[int, bytes]:
    response = HTTPResponse(connection)
    response.begin()
    return response.status, response.read()


def test_an_offer_to_speak_http_2_is_passed_over(customer: Customer) -> None:
    with socket.create_connection(("127.0.0.1", customer.live.run.port)) as connection:
        for number in range(2):  # the connection lives on
            connection.sendall(request(customer, f"h2c-{number}"))
            assert answer(connection) == (200, b"")
    assert customer.trades()[-2:] == ["BUY 10 h2c-0", "BUY 10 h2c-1"]


def test_an_offer_is_passed_over_wherever_its_header_is_cut_in_two(customer: Customer) -> None:
    whole = request(customer, "cut-0")
    place = whole.index(b"uPgrade")
    for at in range(place - 2, place + 10):
        sent = request(customer, f"cut-{at}")
        with socket.create_connection(("127.0.0.1", customer.live.run.port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(sent[:at])
            httpx.get(f"http://127.0.0.1:{customer.live.run.port}/healthz")  # by now it has been read
            connection.sendall(sent[at:])
            assert answer(connection) == (200, b"")


def test_a_packed_body_is_refused_by_name(customer: Customer) -> None:
    body = gzip.compress(customer.body(signal("SIGNAL_OPEN", "packed", strategy_id="packed")))
    headers = {"Authorization": f"Bearer {customer.token}", "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{customer.live.run.port}{WEBHOOK}"
    said = httpx.post(url, content=body, headers={**headers, "Content-Encoding": "gzip"})
    assert said.status_code == 415
    assert said.json()["detail"] == "The body is encoded as gzip; it must be plain JSON."
