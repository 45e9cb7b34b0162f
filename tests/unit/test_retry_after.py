"""How long a broker's answer asks us to wait."""

import pytest

from workers.brokers.http_client import BrokerReply

NINE = "Tue, 01 Dec 2026 09:00:00 GMT"
EPOCH = 1796115600  # the same moment


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"retry-after": "7", "x-ratelimit-reset": str(EPOCH + 2)}, 7.0),
        (429, {"x-ratelimit-reset": str(EPOCH + 2), "date": NINE}, 2.0),
        (429, {"x-ratelimit-reset": str(EPOCH - 5), "date": NINE}, 1.0),
        (429, {"x-ratelimit-reset": str(EPOCH + 9000), "date": NINE}, 300.0),
        (429, {"x-ratelimit-reset": "58"}, None),  # a number of seconds, of another broker
        (429, {"x-ratelimit-reset": "soon", "date": NINE}, None),
        (503, {"x-ratelimit-reset": str(EPOCH + 2), "date": NINE}, None),
        (200, {}, None),
    ],
)
def test_a_reset_is_counted_by_the_brokers_own_clock(
    status: int, headers: dict[str, str], seconds: float | None
) -> None:
    """Alpaca names no Retry-After: with two seconds to wait a CLOSE was sent again after 66."""
    assert BrokerReply(status, headers, None, "").retry_after == seconds
