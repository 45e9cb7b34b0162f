"""HTTP/1.1 as uvicorn speaks it, with limits for the head of a request: its size, and the time that it takes.

An offer to speak another protocol is passed over (RFC 9110, section 7.8, lets a server do so).
"""

import asyncio
import re
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from receiver.transport.request import IS_GONE
from receiver.transport.responses import headers_of
from shared.domain import GenericError
from shared.proquant.answers import reply_for

HEAD_SECONDS = 5.0
LARGEST_HEAD = 32 * 1024

_END_OF_HEAD = b"\r\n\r\n"
_UPGRADE = b"\nupgrade:"
_OFFER = re.compile(rb"(?<=\n)upgrade(?=:)", re.IGNORECASE)


def _garbled() -> bytes:
    reply = reply_for(GenericError.BAD_REQUEST)
    headers = [*headers_of(reply), ("Connection", "close")]
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}", *(": ".join(header) for header in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body


_GARBLED = _garbled()


class HeadLimitedProtocol(HttpToolsProtocol):
    """One connection, which is closed where the head of a request is late or too long.

    Else a stranger could keep connections open for nothing, or fill our memory with headers. What comes after the head
    is the application's to limit.
    """

    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    _all_of_it_head = True
    _head = 0
    _before_body = True
    _held_back = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head is due."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        """Some of a head, or of a body, or both."""
        self._all_of_it_head = self._in_head
        super().data_received(self._without_offer(data) if self._before_body else data)
        if not self._in_head:
            return
        if self._all_of_it_head:  # else most of it may have been the request before
            self._head += len(data)
        if self._head > LARGEST_HEAD:
            self.transport.close()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def _without_offer(self, data: bytes) -> bytes:
        """The data without an `Upgrade` in its head, of which the parser (httptools) would make a request with no body.

        `curl --http2` and Java's client offer HTTP/2 with every request, and their signals were answered 400. A line
        that may become such a header is held back until more of it is there.
        """
        head, end, rest = (self._held_back + data).partition(_END_OF_HEAD)
        line = b"" if end else head[head.rfind(b"\n") :]
        self._held_back = line if line and _UPGRADE.startswith(line.lower()) else b""
        return _OFFER.sub(b"ignored", head.removesuffix(self._held_back)) + end + rest

    def on_message_begin(self) -> None:
        """A head begins: with the first byte of a request."""
        super().on_message_begin()
        self._in_head, self._head = True, 0
        self.scope["extensions"] = {IS_GONE: self.transport.is_closing}  # type: ignore[dict-item]  # one of our own

    def on_headers_complete(self) -> None:
        """A head is there."""
        self._in_head = self._all_of_it_head = self._before_body = False
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there; what comes next is another head."""
        super().on_message_complete()
        self._before_body = True

    def send_400_response(self, msg: str) -> None:
        """To what is no HTTP: in JSON, as every other answer, and then the connection ends. Else it were plain text."""
        if not self.transport.is_closing():
            self.transport.write(_GARBLED)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
