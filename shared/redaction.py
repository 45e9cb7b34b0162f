"""Redacts the secrets that this process has sent from a text: whoever echoes a request must not make us show them.

What a remote end says (ProQuant, a proxy, a broker) may repeat our headers, our body, or a part of them in another
notation. A token was once printed, stored and listed because a 500 echoed the request that carried it; it worked on.

`KNOWN` is the memory of this process: secrets are added where they are unlocked or sent, and every word of a remote end
passes `redact` before it is shown, logged or stored.
"""

import base64
import html
import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus, unquote, urlsplit

STRUCK = "[secret]"
SHORTEST = 8  # a shorter secret guards nothing, and striking it would make every message unreadable
RUN = 8  # so many characters of a secret in a row are struck, too: an echo may be cut on either side, or folded
PUBLIC_SETTINGS = frozenset(
    {"account", "account_id", "balance", "currency", "dedupe", "environment", "exchange", "hours", "latency_ms"}
    | {"quotes", "requests_per_minute", "sandbox", "script", "seed", "settle_seconds"}
)


class Secrets:
    """The secrets of one process, in each notation in which an echo may bring them back. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: set[str] = set()
        self._runs: frozenset[str] = frozenset()
        self._lengths: tuple[int, ...] = ()

    def add(self, *values: str) -> None:
        """From now on these are struck. A value of less than `SHORTEST` characters is left alone."""
        with self._lock:
            fresh = {value for value in values if len(value) >= SHORTEST} - self._values
            if fresh:
                self._values |= fresh
                self._runs = self._runs.union(*(_runs_of(value) for value in fresh))
                self._lengths = tuple(sorted({len(run) for run in self._runs}, reverse=True))

    def strike(self, text: str) -> str:
        """The text with `STRUCK` in place of every run of characters that is a part of a secret."""
        runs, lengths = self._runs, self._lengths
        folded = _folded(text)
        parts: list[str] = []
        kept, at = 0, 0
        while at < len(text):
            end = _end_of_secret(folded, at, runs, lengths)
            if end is None:
                at += 1
                continue
            parts += [text[kept:at], STRUCK]
            kept = at = end
        return "".join((*parts, text[kept:])) if parts else text


KNOWN = Secrets()


def redact(text: str) -> str:
    """The text without the secrets that this process knows."""
    return KNOWN.strike(text)


def add_headers(values: Iterable[str]) -> None:
    """Adds what the headers of a request carry: of `Bearer x` and `Basic x`, x."""
    KNOWN.add(*(value.rpartition(" ")[2] for value in values))


def add_settings(settings: Mapping[str, str]) -> None:
    """Adds the secrets among a broker's settings: all but what is known to be public, and of an address its login."""
    for name, value in settings.items():
        if "://" in value:
            KNOWN.add(*_login(value))
        elif name not in PUBLIC_SETTINGS:
            KNOWN.add(value)


def add_url(url: str) -> None:
    """Adds the login of an address, if it has one."""
    KNOWN.add(*_login(url))


def _login(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        login = parts.password or parts.username  # a name alone is a token; beside a password it is but a name
    except ValueError:  # no address at all
        return []
    return [login, unquote(login)] if login else []


def _end_of_secret(text: str, start: int, runs: frozenset[str], lengths: tuple[int, ...]) -> int | None:
    """Where the parts of secrets end that begin here and overlap; None where none begins here."""
    end: int | None = None
    at = start
    while at <= (start if end is None else end):
        for length in lengths:
            if text[at : at + length] in runs:
                end = max(end or 0, at + length)
                break
        at += 1
    return end


def _runs_of(secret: str) -> Iterator[str]:
    for notation in _notations(secret):
        length = min(RUN, len(notation))
        yield from (notation[at : at + length] for at in range(len(notation) - length + 1))


def _notations(secret: str) -> Iterator[str]:
    raw = secret.encode()
    yield from map(_folded, {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], html.escape(secret)})
    yield from map(_folded, {quote(secret, safe=""), quote_plus(secret), raw.hex()})
    for before in range(3):  # in base64, as of `user:secret`, a text looks in three ways, by what stands before it
        lead, tail = (before * 8 + 5) // 6, -(before + len(raw)) % 3
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * before + raw).decode()
            whole = encoded[lead : len(encoded) - (tail + 1 if tail else 0)]
            if len(whole) >= RUN:
                yield _folded(whole)


def _folded(text: str) -> str:
    """Without the difference of capitals, character by character: an echo may have changed them."""
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
