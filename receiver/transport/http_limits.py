"""HTTP/1.1 as uvicorn speaks it, with limits for the head of a request: its size, and the time that it takes."""

import asyncio
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from receiver.transport.request import IS_GONE
from receiver.transport.responses import headers_of
from shared.domain import GenericError
from shared.proquant.answers import reply_for

HEAD_SECONDS = 5.0
LARGEST_HEAD = 32 * 1024


def _garbled() -> bytes:
    reply = reply_for(GenericError.BAD_REQUEST)
    headers = [*headers_of(reply), ("Connection", "close")]
    lines = [f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}", *(": ".join(header) for header in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + reply.body


_GARBLED = _garbled()


class Bounded(HttpToolsProtocol):
    """One connection. Who has not said within a while what it wants, or says it at great length, is cut off.

    Else a stranger could keep connections open for nothing, or fill our memory with headers. What comes after the head
    is the application's to limit.
    """

    _timer: asyncio.TimerHandle | None = None
    _in_head = True
    _all_of_it_head = True
    _head = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first head is due."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(HEAD_SECONDS, transport.close)

    def data_received(self, data: bytes) -> None:
        """Some of a head, or of a body, or both."""
        self._all_of_it_head = self._in_head
        super().data_received(data)
        if not self._in_head:
            return
        if self._all_of_it_head:  # else most of it may have been the request before
            self._head += len(data)
        if self._head > LARGEST_HEAD:
            self.transport.close()
        elif self._timer is None:
            self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_message_begin(self) -> None:
        """A head begins: with the first byte of a request."""
        super().on_message_begin()
        self._in_head, self._head = True, 0
        self.scope["extensions"] = {IS_GONE: self.transport.is_closing}  # type: ignore[dict-item]  # one of our own

    def on_headers_complete(self) -> None:
        """A head is there."""
        self._in_head = self._all_of_it_head = False
        self._stop_timer()
        super().on_headers_complete()

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
