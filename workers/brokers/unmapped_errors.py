"""Counts and logs the answers of brokers that no table of ours lists, so that somebody adds the row."""

import threading
from collections import Counter

import structlog

log = structlog.get_logger()
_lock = threading.Lock()
_seen: Counter[tuple[str, str]] = Counter()


def unmapped(broker: str, code: str, words: str) -> None:
    """The broker of this kind has refused something with a code that its table does not list."""
    with _lock:
        _seen[broker, code] += 1
    log.warning("A broker's refusal is in no table.", action="unmapped", broker=broker, code=code, words=words[:200])


def counted() -> dict[tuple[str, str], int]:
    """How often each (kind of broker, code) came in this process."""
    with _lock:
        return dict(_seen)
