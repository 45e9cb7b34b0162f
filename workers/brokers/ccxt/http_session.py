"""The HTTP session that ccxt is given: our own client, which counts what is sent and examines it before."""

import importlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

from workers.brokers.base import BrokerUnavailable, OutcomeUnknown
from workers.brokers.http_client import BrokerReply, HttpClient

_NUMBER = re.compile(r"(?<![\w.-])\d+(?:\.\d+)?(?![\w.-])")


class WireMismatch(Exception):
    """ccxt was about to send something other than the order that it was given. It was not sent."""


@dataclass
class Sending:
    """An order on its way through ccxt: what must stand in the request, and what became of it."""

    quantity: Decimal
    client_order_id: str
    written: bool = False
    status: int | None = None


class Response:
    """An answer in the shape that ccxt reads."""

    def __init__(self, reply: BrokerReply) -> None:
        self.status_code = reply.status
        self.reason = ""
        self.headers = reply.headers
        self.text = reply.text
        self.encoding = "utf-8"

    def raise_for_status(self) -> None:
        """Lets ccxt read the error in the body, and give it one of its classes."""
        if self.status_code >= 400:
            raise importlib.import_module("requests").HTTPError(str(self.status_code))  # ccxt brings it along


class HttpSession:
    """Stands where ccxt expects a session of the library requests. Within `sending`, one write passes, and no more."""

    def __init__(self, read_seconds: float, order_seconds: float) -> None:
        self._reads = HttpClient("", deadline_seconds=read_seconds)
        self._orders = HttpClient("", deadline_seconds=order_seconds)
        self._local = threading.local()
        self.headers: dict[str, str] = {}
        self.cookies: dict[str, str] = {}
        self.trust_env = False

    def close(self) -> None:
        """Frees the connections."""
        self._reads.close()
        self._orders.close()

    @contextmanager
    def sending(self, quantity: Decimal, client_order_id: str) -> Iterator[Sending]:
        """The one order that this thread may send within the block."""
        state = self._local.sending = Sending(quantity, client_order_id)
        try:
            yield state
        finally:
            self._local.sending = None

    def request(self, method: Any, url: str, data: Any = None, headers: Any = None, **_: Any) -> Response:
        """One attempt. Raises BrokerUnavailable and OutcomeUnknown as the wire does, and without the query.

        The time limits are the wire's; those that ccxt hands in count each pause and not the whole.
        """
        sending: Sending | None = getattr(self._local, "sending", None)
        extra = {"content": data, "headers": dict(headers or {})}
        try:
            if sending is None or method == "GET":
                return Response(self._reads.read(method, url, **extra))
            _examine(sending, url, data)
            sending.written = True
            reply = self._orders.write(method, url, **extra)
            sending.status = reply.status
            return Response(reply)
        except OutcomeUnknown as unknown:
            raise OutcomeUnknown(_without_query(unknown.reason)) from None
        except BrokerUnavailable as unavailable:
            if sending is not None and method != "GET":
                sending.written = False
            raise BrokerUnavailable(_without_query(unavailable.reason), unavailable.retry_after) from None


def _examine(sending: Sending, url: str, data: Any) -> None:
    """Raises WireMismatch unless the request carries our id and exactly our quantity, and is the first one."""
    if sending.written:
        raise WireMismatch("ccxt was about to send a second request for one order")
    body = data.decode() if isinstance(data, bytes) else str(data or "")
    text = unquote_plus(f"{url.partition('?')[2]}&{body}")
    if sending.client_order_id not in text:
        raise WireMismatch("ccxt was about to send the order without its client order id")
    if sending.quantity not in {Decimal(number) for number in _NUMBER.findall(text)}:
        raise WireMismatch(f"ccxt was about to send another quantity than {sending.quantity:f}")


def _without_query(reason: str) -> str:
    """A query carries the signature."""
    return re.sub(r"\?\S*", "", reason)
