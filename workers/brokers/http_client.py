"""An HTTP client for brokers: one attempt within a deadline, exact numbers, and a contract error for every failure."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Literal, Never

import httpx

from workers.brokers import retry_after as patience
from workers.brokers.base import BrokerUnavailable, OutcomeUnknown
from workers.brokers.deadline import Deadline, bind

CONNECT_SECONDS = 3.0
READ_SECONDS = 8.0
DEADLINE_SECONDS = 10.0  # of one call with all that belongs to it
MAX_BODY = 32 * 1024 * 1024  # an exchange's list of instruments is a few megabytes
EARLIEST_RESET = 1e9  # a point in time, in seconds since 1970; other brokers tell a number of seconds
LONGEST_RESET = 300.0
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class BrokerReply:
    """A whole answer. `body` is its JSON with every fraction as Decimal; None where there is none, or it is no JSON."""

    status: int
    headers: Mapping[str, str]
    body: object
    text: str

    @property
    def retry_after(self) -> float | None:
        """Seconds that the broker asks us to wait; None where it does not say (a date is not understood).

        Alpaca answers 429 without it, and with the second in which its limit is set anew ("X-RateLimit-Reset").
        """
        value = self.headers.get("retry-after", "")
        if value.isdecimal():
            return float(value)
        return self._until_reset() if self.status == 429 else None

    def _until_reset(self) -> float | None:
        """By the broker's own clock, which its answer tells, since ours may differ."""
        reset = self.headers.get("x-ratelimit-reset", "")
        if not reset.isdecimal() or float(reset) < EARLIEST_RESET:
            return None
        try:
            told = parsedate_to_datetime(self.headers.get("date", "")).timestamp()
        except (TypeError, ValueError):
            told = time.time()
        return min(max(1.0, float(reset) - told), LONGEST_RESET)


@dataclass(eq=False)
class UnclearAnswer(OutcomeUnknown):
    """An answer that does not say by its status what became of a write; an adapter may know the broker's words."""

    reply: BrokerReply = field(repr=False)  # all of an answer, which may echo what we sent


class HttpClient:
    """A connection pool to one broker. Thread-safe. Never tries anything a second time.

    `read` and `write` differ only in what a failure means: a read that fails has changed nothing, a write that fails
    after the first byte was sent may have.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str] | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
        auth: httpx.Auth | None = None,
    ) -> None:
        self._seconds, self._deadline = deadline_seconds, Deadline()
        limit = min(READ_SECONDS, deadline_seconds)
        timeouts = httpx.Timeout(limit, connect=min(CONNECT_SECONDS, deadline_seconds))
        self._client = httpx.Client(
            base_url=base_url, headers=dict(headers or {}), timeout=timeouts, auth=auth, follow_redirects=False
        )
        bind(self._client, self._deadline)

    def close(self) -> None:
        """Frees the connections."""
        self._client.close()

    def read(self, method: Method, path: str, **request: object) -> BrokerReply:
        """An answer below 500 to a call that changes nothing. Raises BrokerUnavailable for everything else."""
        try:
            reply = self._answer(method, path, request)
        except (httpx.HTTPError, httpx.InvalidURL, _BrokenAnswer) as error:
            raise BrokerUnavailable(f"The broker did not answer {method} {path}: {_name(error)}.") from error
        if reply.status == 429 or reply.status >= 500:
            raise BrokerUnavailable(f"The broker answered {reply.status} to {method} {path}.", reply.retry_after)
        if reply.status < 300 and reply.body is None:
            raise BrokerUnavailable(f"The broker answered {method} {path} with something that is no JSON.")
        return reply

    def write(self, method: Method, path: str, **request: object) -> BrokerReply:
        """An answer of the broker to a call that may change something, whatever its status; read it with care.

        Raises BrokerUnavailable where nothing was sent, and for 429, which every broker says of what it did not look
        at. Raises OutcomeUnknown where it was or may have been sent and the answer does not say what became of it: no
        answer, half an answer, no JSON, 5xx; the last two as UnclearAnswer, with the reply.
        """
        try:
            reply = self._answer(method, path, request)
        except NEVER_SENT as error:
            raise BrokerUnavailable(f"The broker cannot be reached: {_name(error)}.") from error
        except (httpx.HTTPError, httpx.InvalidURL, _BrokenAnswer) as error:
            raise OutcomeUnknown(f"No whole answer to {method} {path}: {_name(error)}.") from error
        if reply.status == 429:
            raise BrokerUnavailable("The broker asks for fewer requests.", reply.retry_after)
        if reply.status >= 500 or reply.body is None:
            raise UnclearAnswer(f"The answer {reply.status} to {method} {path} does not say what became of it.", reply)
        return reply

    def _answer(self, method: Method, path: str, request: Mapping[str, object]) -> BrokerReply:
        """One attempt, within the deadline. Notes the broker's Retry-After for the rate limiter."""
        parts = bytearray()
        with self._deadline.within(self._seconds), self._client.stream(method, path, **request) as response:  # type: ignore[arg-type]  # httpx's own words
            for part in response.iter_bytes():
                parts += part
                if len(parts) > MAX_BODY:
                    raise _BrokenAnswer("too long")
        # A byte order mark is no reason to doubt an answer (RFC 8259, section 8.1, lets a reader pass over it).
        text = parts.decode(response.encoding or "utf-8", errors="replace").removeprefix("\ufeff")
        reply = BrokerReply(response.status_code, response.headers, _json(text), text)
        if reply.status == 429 or (reply.status >= 500 and reply.retry_after is not None):
            patience.note_pause(reply.retry_after)
        return reply


class _BrokenAnswer(Exception):
    """The broker began to answer and did not come to an end that can be used."""


def _json(text: str) -> object:
    try:
        return json.loads(text, parse_float=Decimal, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None


def _no_number(word: str) -> Never:
    raise ValueError(f"{word} is no number")


def _name(error: Exception) -> str:
    """What failed, without the address: a query may carry a signature."""
    return str(error) if isinstance(error, _BrokenAnswer) else type(error).__name__
