"""Which URLs may be given a secret: https, or http on this machine."""

import ipaddress
from urllib.parse import urlsplit

from shared.errors import BridgeError


class UnsafeUrl(BridgeError):
    """The URL is malformed, or a secret would go out in the clear."""


def check_url(url: str) -> None:
    """Raises UnsafeUrl unless the URL is https, or http on this machine."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UnsafeUrl(f"{url!r} is not a URL: {error}.") from error
    if not host or port == 0 or not url.isascii() or not url.isprintable() or " " in url:
        raise UnsafeUrl(f"{url!r} is not a URL such as https://bridge.example.com.")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_here(url)):
        raise UnsafeUrl(f"{url!r} must begin with https://; http:// is for this machine alone (127.0.0.1).")


def is_here(url: str) -> bool:
    """Whether the URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def place(url: str) -> str:
    """The URL as it may be shown: without user, password, path and query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
