"""How a request to Binance is signed (developers.binance.com, USD-M futures, "SIGNED Endpoint Security"). Pure."""

import hashlib
import hmac
from collections.abc import Iterable
from urllib.parse import urlencode

RECEIVE_WINDOW_MS = 5000
"""An order that is under way for longer is refused: after it, a request that was lost can no longer be executed."""

Parameters = list[tuple[str, str]]


def signed(parameters: Iterable[tuple[str, str]], secret: str, timestamp_ms: int) -> Parameters:
    """The parameters with window, time and, at the end, the HMAC-SHA256 of all of them in hexadecimal digits."""
    complete = [*parameters, ("recvWindow", str(RECEIVE_WINDOW_MS)), ("timestamp", str(timestamp_ms))]
    return [*complete, ("signature", signature(urlencode(complete), secret))]


def signature(payload: str, secret: str) -> str:
    """The signature of a query string or a form."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()
