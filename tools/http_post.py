"""One POST of JSON over HTTP: no redirect is followed, nothing is tried again, and no secret goes out in the clear."""

from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import URLError
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from shared import redaction
from shared.errors import BridgeError
from shared.redaction import redact
from shared.urls import UnsafeUrl, check_url, is_here, place

MOST_BYTES = 1_000_000  # of an answer
TIMEOUT_SECONDS = 75.0  # more than a receiver may be set to wait for its outcome
HARMLESS = frozenset({"content-type", "user-agent", "accept"})


class PostFailed(BridgeError):
    """The request could not be made, or was not answered. No secret that was sent is in the words."""

    def __init__(self, words: str) -> None:
        super().__init__(redact(words))


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back, whatever its status, without the secrets that were sent. Headers have names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post_json(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> HttpAnswer:
    """Sends `body` once and returns the answer. `timeout` in seconds, of every wait for the network.

    Raises PostFailed, also for a URL that is neither https nor on this machine: the headers hold a token.
    """
    try:
        check_url(url)
    except UnsafeUrl as error:
        raise PostFailed(str(error)) from error
    redaction.add_headers(value for name, value in headers.items() if name.lower() not in HARMLESS)
    sent = {"Content-Type": "application/json", "User-Agent": "proquant-bridge", **headers}
    request = Request(url, data=body, headers=sent, method="POST")  # noqa: S310  # the scheme has just been checked
    try:
        with _opener(url).open(request, timeout=timeout) as response:
            received = {name.lower(): redact(value) for name, value in response.headers.items()}
            return HttpAnswer(
                response.status, received, redact(response.read(MOST_BYTES).decode(errors="replace")).encode()
            )
    except URLError as error:
        raise PostFailed(f"{place(url)} cannot be reached: {error.reason}") from error
    except (OSError, HTTPException) as error:  # a time-out while reading, or an answer that is not HTTP
        raise PostFailed(f"{place(url)} did not answer properly: {str(error) or type(error).__name__}") from error


def _opener(url: str) -> OpenerDirector:
    """Without the handlers that follow redirects and raise on statuses; and past no proxy for this machine."""
    opener = OpenerDirector()
    handlers = [HTTPHandler(), HTTPSHandler()]
    for handler in handlers if is_here(url) else [ProxyHandler(), *handlers]:
        opener.add_handler(handler)
    return opener
