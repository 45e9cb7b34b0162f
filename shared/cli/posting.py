"""One POST of JSON over HTTP: no redirect is followed, nothing is tried again, and no secret goes out in the clear."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request

from shared.errors import BridgeError

MOST_BYTES = 1_000_000  # of an answer


class PostFailed(BridgeError):
    """The request could not be made, or was not answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, whatever its status. The names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post_json(url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> Answer:
    """Sends `body` once and returns the answer. `timeout` in seconds, of every wait for the network.

    Raises PostFailed, also for a URL that is neither https nor on this machine: the headers hold a token.
    """
    check_url(url)
    sent = {"Content-Type": "application/json", "User-Agent": "proquant-bridge", **headers}
    request = Request(url, data=body, headers=sent, method="POST")  # noqa: S310  # the scheme has just been checked
    try:
        with _opener(url).open(request, timeout=timeout) as response:
            received = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, received, response.read(MOST_BYTES))
    except URLError as error:
        raise PostFailed(f"{_place(url)} cannot be reached: {error.reason}") from error
    except (OSError, HTTPException) as error:  # a time-out while reading, or an answer that is not HTTP
        raise PostFailed(f"{_place(url)} did not answer properly: {str(error) or type(error).__name__}") from error


def check_url(url: str) -> None:
    """Raises PostFailed unless the URL is https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise PostFailed(f"{url!r} is not a URL: {error}.") from error
    if not host or port == 0 or not url.isascii() or not url.isprintable() or " " in url:
        raise PostFailed(f"{url!r} is not a URL such as https://bridge.example.com.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_here(host)):
        raise PostFailed(f"{url!r} must begin with https://; http:// is for this machine alone (127.0.0.1).")


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _opener(url: str) -> OpenerDirector:
    """Without the handlers that follow redirects and raise on statuses; and past no proxy for this machine."""
    opener = OpenerDirector()
    handlers = [HTTPHandler(), HTTPSHandler()]
    for handler in handlers if _is_here(urlsplit(url).hostname or "") else [ProxyHandler(), *handlers]:
        opener.add_handler(handler)
    return opener


def _place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
