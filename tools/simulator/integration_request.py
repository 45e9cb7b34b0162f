"""Reads an integration request as the guide describes it ("Creating an Integration"), or says what is wrong. Pure."""

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.errors import BridgeError
from tools.simulator.model import Integration

API_VERSION = "v1"
LONGEST_TEXT = 500
MOST_HEADERS = 20
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")  # RFC 9110, 5.6.2
_VALUE = re.compile(r"[\x20-\x7e]{1,4000}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
OWN_HEADERS = frozenset({"content-type", "content-length", "host", "transfer-encoding", "connection"})


class InvalidRequest(BridgeError):
    """The request is not what the guide asks for; the message names each field that is odd, and echoes no value."""


def read(body: bytes, id_: str) -> Integration:
    """The integration that `body` asks for, under this id. Raises RequestRefused."""
    request = _object(_parsed(body), "body")
    webhook = _object(request.get("webhook"), "webhook")
    headers = webhook.get("headers")
    problems = [
        *(
            f"{name}: must be a text of 1 to {LONGEST_TEXT} characters"
            for name in _TEXTS
            if not _is_text(request, name)
        ),
        *_odd_email(request.get("userEmail")),
        *_odd_url("imageUrl", request.get("imageUrl")),
        *_odd_url("webhook.url", webhook.get("url")),
        *_odd_headers(headers),
    ]
    if problems:
        raise InvalidRequest("; ".join(problems))
    return Integration(
        id=id_,
        name=str(request["name"]),
        description=str(request["description"]),
        image_url=str(request["imageUrl"]),
        user_email=str(request["userEmail"]),
        webhook_url=str(webhook["url"]),
        headers=dict(headers) if isinstance(headers, dict) else {},
    )


_TEXTS = ("name", "description")


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    # Raised outside the handler: the decoder's error carries the whole body along, and a token is in it.
    raise InvalidRequest("body: is not JSON")


def _object(value: object, place: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise InvalidRequest(f"{place}: must be an object")
    return value


def _is_text(request: Mapping[str, object], name: str) -> bool:
    value = request.get(name)
    return isinstance(value, str) and 0 < len(value.strip()) <= len(value) <= LONGEST_TEXT


def _odd_email(value: object) -> list[str]:
    right = isinstance(value, str) and len(value) <= LONGEST_TEXT and _EMAIL.fullmatch(value)
    return [] if right else ["userEmail: must be an e-mail address"]


def _odd_url(name: str, value: object) -> list[str]:
    return [] if isinstance(value, str) and _is_url(value) else [f"{name}: must be a URL that begins with http"]


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        right = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return right and len(text) <= 2000 and text.isascii() and text.isprintable() and " " not in text


def _odd_headers(headers: object) -> list[str]:
    if headers is None:
        return []  # the guide: optional
    if not isinstance(headers, dict) or len(headers) > MOST_HEADERS:
        return [f"webhook.headers: must be an object of at most {MOST_HEADERS} headers"]
    odd = [name for name, value in headers.items() if not (_NAME.fullmatch(name) and _is_value(value))]
    taken = [name for name in headers if name.lower() in OWN_HEADERS]
    return [
        *(f"webhook.headers: {len(odd)} of them cannot be sent as a header" for _ in odd[:1]),
        *(f"webhook.headers: {name} is set by the sender" for name in taken),
    ]


def _is_value(value: object) -> bool:
    return isinstance(value, str) and bool(_VALUE.fullmatch(value)) and value == value.strip()
