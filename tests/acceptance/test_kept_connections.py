"""A connection that is kept for the next request either serves it, or says beforehand that it will not."""

import httpx
import pytest

from tests.acceptance.live import WEBHOOK, Live, signal

pytestmark = pytest.mark.acceptance

SIZES = (70_000, 2_000_000)  # the second does not fit into the buffers between client and server


@pytest.mark.parametrize("size", SIZES)
def test_a_body_that_is_too_large_costs_the_next_event_nothing(bridge: Live, size: int) -> None:
    customer = bridge.open_account(f"large-{size}")
    headers = {"authorization": f"Bearer {customer.token}", "content-type": "application/json"}
    with httpx.Client(base_url=bridge.run.base_url, headers=headers, timeout=30) as client:
        for number in range(10):
            assert _too_large(client, size)
            event = signal("SIGNAL_OPEN", f"p{number}", strategy_id=f"s{size}-{number}")
            assert client.post(WEBHOOK, content=customer.body(event)).status_code == 200


def _too_large(client: httpx.Client, size: int) -> bool:
    """Whether the body was refused: by an answer, or by a connection that breaks off while it is still being sent."""
    try:
        answer = client.post(WEBHOOK, content=b" " * size)
    except (httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        return True
    assert answer.headers.get("connection") == "close"
    return answer.status_code == 413


def test_a_wrong_token_says_that_the_connection_ends_since_its_body_was_not_read(bridge: Live) -> None:
    customer = bridge.open_account("beside-a-stranger")
    body = customer.body(signal("SIGNAL_OPEN", "p1"))
    for token in ("wrong", None):
        answer = bridge.post(body, token)
        assert (answer.status_code, answer.headers.get("connection")) == (401, "close")
    assert bridge.post(body, customer.token, "text/plain").headers.get("connection") == "close"
    assert customer.post(signal("SIGNAL_OPEN", "p2")).status_code == 200
