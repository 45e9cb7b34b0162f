"""Calls to Binance: signed, on its clock; each failure in the words of the contract, or as a Refused with its code."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from shared.redaction import Secrets, redact
from workers.brokers.base import BrokerUnavailable, OutcomeUnknown
from workers.brokers.binance.ban_guard import guard_of
from workers.brokers.binance.errors import CODES, OrderProof, verdict_of_5xx
from workers.brokers.binance.settings import BinanceSettings
from workers.brokers.binance.signing import signed
from workers.brokers.http_client import BrokerReply, HttpClient, UnclearAnswer

MOST_WORDS = 2_000
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(eq=False)
class BinanceError(Exception):
    """Binance has answered with a code (errors.py) in place of what was asked for."""

    status: int
    code: int
    words: str

    def __str__(self) -> str:
        return f"Binance answered {self.code}: {self.words}"


class Session:
    """One account's conversation with Binance. Thread-safe."""

    def __init__(
        self, settings: BinanceSettings, read_seconds: float, order_seconds: float, now: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        key = {"X-MBX-APIKEY": settings.api_key}
        self._reads = HttpClient(settings.base_url, key, read_seconds)
        self._orders = HttpClient(settings.base_url, key, order_seconds)
        self.guard = guard_of(settings.base_url)
        self._now = now
        self._lock = threading.Lock()
        self._offset_ms: int | None = None  # their clock minus ours; None until it was asked for

    def close(self) -> None:
        """Frees the connections."""
        self._reads.close()
        self._orders.close()

    def public(self, path: str, **parameters: str) -> Any:
        """What anybody may read."""
        return self._read(path, list(parameters.items()), urgent=False)

    def read(self, path: str, urgent: bool = False, **parameters: str) -> Any:
        """What only the account may read. Raises Refused, and BrokerUnavailable where it could not be read.

        A read that came at the wrong time by their clock is repeated once, on the right time.
        """
        try:
            return self._read(path, self._sign(parameters), urgent)
        except BinanceError as refused:
            if CODES.get(refused.code) is not OrderProof.WRONG_TIME:
                raise
        self.synchronise()
        return self._read(path, self._sign(parameters), urgent)

    def order(self, **parameters: str) -> Any:
        """Sends an order, once. Raises Refused, BrokerUnavailable (proven not accepted) or OutcomeUnknown."""
        signed_ = self._sign(parameters)
        content = urlencode(signed_)
        self.guard.admit(urgent=True)
        try:
            reply = self._orders.write("POST", "/fapi/v1/order", content=content, headers=FORM)
        except UnclearAnswer as unclear:
            self._listen(unclear.reply)
            if verdict_of_5xx(unclear.reply.status, _words(unclear.reply, Secrets())) is OrderProof.NOT_ACCEPTED:
                raise BrokerUnavailable("Binance is overloaded and has not taken the order.") from unclear
            raise
        self._listen(reply)
        if reply.status < 300:
            return reply.body
        if reply.status == 408 or _code(reply) is None:
            raise OutcomeUnknown(f"Binance answered {reply.status} to an order, without a code that settles it.")
        raise _refused(reply, signed_)

    def synchronise(self) -> None:
        """Learns how far their clock is ahead of ours, to within half of the time that the question takes."""
        began = self._now()
        try:
            server = self._read("/fapi/v1/time", [], urgent=True)
            middle = (began + self._now()) / 2
            offset = int(server["serverTime"]) - int(middle * 1000)
        except (BinanceError, KeyError, TypeError, ValueError) as error:
            raise BrokerUnavailable("Binance does not tell its time.") from error
        with self._lock:
            self._offset_ms = offset

    def _sign(self, parameters: dict[str, str]) -> list[tuple[str, str]]:
        if self._offset_ms is None:
            self.synchronise()
        with self._lock:
            timestamp = int(self._now() * 1000) + (self._offset_ms or 0)
        return signed(parameters.items(), self._settings.api_secret, timestamp)

    def _read(self, path: str, parameters: list[tuple[str, str]], urgent: bool) -> Any:
        self.guard.admit(urgent)
        reply = self._reads.read("GET", path, params=parameters)
        self._listen(reply)
        if reply.status < 300:
            return reply.body
        if _code(reply) is None:
            raise BrokerUnavailable(f"Binance answered {reply.status} to GET {path}.", reply.retry_after)
        raise _refused(reply, parameters)

    def _listen(self, reply: BrokerReply) -> None:
        """Notes what an answer says of limits. Raises BrokerUnavailable where it says that we are banned."""
        self.guard.heard(reply.headers)
        if reply.status == 418:
            raise self.guard.ban(reply.retry_after)


def _refused(reply: BrokerReply, sent: list[tuple[str, str]]) -> BinanceError:
    """In Binance's words, which may echo the request, without the signature of that request."""
    signature = Secrets()
    signature.add(*(value for name, value in sent if name == "signature"))
    return BinanceError(reply.status, _code(reply) or 0, _words(reply, signature))


def _code(reply: BrokerReply) -> int | None:
    code = reply.body.get("code") if isinstance(reply.body, dict) else None
    return code if isinstance(code, int) else None


def _words(reply: BrokerReply, secrets: Secrets) -> str:
    words = reply.body.get("msg") if isinstance(reply.body, dict) else None
    return redact(secrets.strike(words if isinstance(words, str) else reply.text.strip()))[:MOST_WORDS]
