"""Each of the nine errors over HTTP, from the state that deserves it; and all other errors, which are none of them."""

import json
import socket
from dataclasses import dataclass
from decimal import Decimal

import httpx
import pytest

from shared.domain import EventType, LifecycleEvent
from tests.acceptance.live import WEBHOOK, Customer, Live, signal

pytestmark = pytest.mark.acceptance


@dataclass(frozen=True)
class Sample:
    """An answer, and what it should have been."""

    answer: httpx.Response
    word: str
    status: int


@pytest.fixture(scope="module")
def trader(bridge: Live) -> Customer:
    """An account with money, whose strategy s1 holds ten units of gold."""
    customer = bridge.open_account("trader", balance="100000")
    assert customer.post(signal("SIGNAL_OPEN", "held")).status_code == 200
    return customer


def is_the_guides(answer: httpx.Response, word: str, status: int) -> None:
    """The guide's four rules, and our own: one sentence, and nothing else in the body."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-proquant-error"] == "1"
    body = json.loads(answer.content)
    assert list(body) == ["type", "detail"]
    assert body["type"] == word
    assert body["detail"].endswith(".")


@pytest.mark.parametrize(
    ("word", "status", "values"),
    [
        ("UnsupportedInstrument", 422, {"ticker": "NOPE"}),
        ("QuantityTooLow", 422, {"quantity": Decimal("0.01")}),
        ("QuantityTooHigh", 422, {"quantity": Decimal(10_000_000)}),
        ("InvalidQuantityPrecision", 422, {"quantity": Decimal("10.0001")}),
        ("InsufficientFunds", 422, {"quantity": Decimal(1000)}),
        ("PositionAlreadyExists", 409, {"strategy_id": "s1"}),
    ],
)
def test_an_open_that_cannot_be_executed_says_why(
    trader: Customer, word: str, status: int, values: dict[str, object]
) -> None:
    is_the_guides(trader.post(signal("SIGNAL_OPEN", word, **{"strategy_id": "s2", **values})), word, status)
    assert trader.trades() == ["BUY 10 held"]


def test_a_reopen_without_the_funds_for_its_new_position_closes_the_old_one_and_says_why(bridge: Live) -> None:
    customer = bridge.open_account("flipper", balance="100000")
    assert customer.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
    is_the_guides(customer.post(signal("SIGNAL_REOPEN", "p2", quantity=Decimal(1000))), "InsufficientFunds", 422)
    assert customer.trades() == ["BUY 10 p1", "SELL 10 p2"]


def test_a_close_of_nothing_is_position_not_found(trader: Customer) -> None:
    is_the_guides(trader.post(signal("SIGNAL_CLOSE", "none", strategy_id="s3")), "PositionNotFound", 409)


def test_an_open_while_the_market_is_closed_is_market_closed(bridge: Live) -> None:
    closed = bridge.open_account("closed", hours="closed")
    is_the_guides(closed.post(signal("SIGNAL_OPEN", "p1")), "MarketClosed", 409)


@pytest.mark.parametrize("token", [None, "wrong", "x" * 10_000])
def test_a_wrong_token_is_invalid_credentials(trader: Customer, token: str | None) -> None:
    answer = trader.live.post(trader.body(signal("SIGNAL_OPEN", "stranger")), token)
    is_the_guides(answer, "InvalidCredentials", 401)


def test_a_rotated_token_is_invalid_credentials_and_the_new_one_works(bridge: Live) -> None:
    customer = bridge.open_account("rotated")
    fresh = json.loads(bridge.run.cli("accounts", "rotate-token", "rotated", "--json"))["token"]
    event = signal("SIGNAL_OPEN", "p1")
    is_the_guides(customer.post(event), "InvalidCredentials", 401)
    assert bridge.post(customer.body(event), fresh).status_code == 200


def test_after_the_user_deleted_the_integration_its_signals_are_invalid_credentials(bridge: Live) -> None:
    customer = bridge.open_account("deleted")
    before = signal("SIGNAL_OPEN", "p1")
    assert customer.post(LifecycleEvent(EventType.INTEGRATION_APPROVED, before.timestamp_ms)).status_code == 200
    assert customer.post(before).status_code == 200
    assert customer.post(LifecycleEvent(EventType.INTEGRATION_DELETED, before.timestamp_ms + 1)).status_code == 200
    after = signal("SIGNAL_OPEN", "p2", strategy_id="s2", timestamp_ms=before.timestamp_ms + 2)
    is_the_guides(customer.post(after), "InvalidCredentials", 401)
    assert customer.post(before).status_code == 200, "the same event gets the same answer"


def test_all_other_errors_are_json_and_none_of_the_nine(trader: Customer) -> None:
    live, http = trader.live, trader.live.http
    good = trader.body(signal("SIGNAL_OPEN", "other", strategy_id="s4"))
    stale = signal(
        "SIGNAL_OPEN", "stale", strategy_id="s4", timestamp_ms=signal("SIGNAL_OPEN", "").timestamp_ms - 400_000
    )
    other = signal("SIGNAL_OPEN", "held", quantity=Decimal(7))
    for sample in (
        Sample(live.post(b"{", trader.token), "malformed", 400),
        Sample(live.post(b'{"v2": {"deprecation": null, "event": {}}}', trader.token), "unsupported_version", 400),
        Sample(live.post(b" " * 70_000, trader.token), "too_large", 413),
        Sample(live.post(good, trader.token, "text/plain"), "unsupported_media_type", 415),
        Sample(http.get("/"), "not_found", 404),
        Sample(http.get(WEBHOOK), "method_not_allowed", 405),
        Sample(trader.post(other), "conflict", 409),
        Sample(trader.post(stale), "expired", 409),
    ):
        assert sample.answer.status_code == sample.status, sample
        assert sample.answer.headers["content-type"] == "application/json"
        assert "x-proquant-error" not in sample.answer.headers
        body = json.loads(sample.answer.content)
        assert (list(body), body["error"]) == (["error", "detail"], sample.word)


@pytest.mark.parametrize("garbled", ["GARBAGE\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n"])
def test_what_is_no_http_is_told_so_in_json_and_the_connection_ends(bridge: Live, garbled: str) -> None:
    with socket.create_connection(("127.0.0.1", bridge.run.port), timeout=5) as connection:
        connection.sendall(garbled.encode())
        said = b"".join(iter(lambda: connection.recv(1000), b""))
    head, _, body = said.decode().partition("\r\n\r\n")
    status, *headers = head.lower().split("\r\n")
    assert status == "http/1.1 400 bad request"
    assert "connection: close" in headers
    assert f"content-length: {len(body)}" in headers
    assert json.loads(body)["error"] == "bad_request"
