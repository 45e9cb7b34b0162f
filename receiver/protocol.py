"""HTTP/1.1 as uvicorn speaks it, with limits for the head of a request: its size, and the time that it takes."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 5.0
LARGEST_HEAD = 32 * 1024


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

    def on_headers_complete(self) -> None:
        """A head is there."""
        self._in_head = self._all_of_it_head = False
        self._stop_timer()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is due any more."""
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
