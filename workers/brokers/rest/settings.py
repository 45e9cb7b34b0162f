"""The settings of an account behind the REST contract; an unknown name or an odd value is refused by name. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LOCAL = {"localhost", "127.0.0.1", "::1"}
NAMES = {"account", "base_url", "token"}


@dataclass(frozen=True, slots=True)
class RestSettings:
    """Where the far end is, and the token by which it knows the account."""

    base_url: str
    token: str = field(repr=False)


def parse(settings: Mapping[str, str]) -> RestSettings:
    """What the texts say. Raises ValueError that names the setting and never shows the token."""
    if unknown := sorted(settings.keys() - NAMES):
        raise ValueError(f"{', '.join(unknown)}: unknown; the settings are base_url, token")
    return RestSettings(_base_url(settings.get("base_url", "")), _token(settings.get("token", "")))


def _base_url(text: str) -> str:
    parts = urlsplit(text.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("base_url: must be an address such as https://broker.example.com/bridge")
    if parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError("base_url: must have no query, no fragment, no user and no password")
    if parts.scheme == "http" and parts.hostname not in LOCAL and "." in parts.hostname:
        raise ValueError("base_url: must be https, since the token would be readable on the way")
    return text.strip().rstrip("/")


def _token(text: str) -> str:
    token = text.strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("token: must be a text of printable ASCII without spaces")
    return token
