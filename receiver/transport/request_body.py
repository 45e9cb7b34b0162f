"""The body of a request that is served, as it comes in."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from receiver.transport.greenlets import awaited

LARGEST = 64 * 1024

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class Body:
    """WSGI's `wsgi.input`, which is read when it is asked for: that of a stranger is never waited for.

    `receive`: brings the next message of the connection (ASGI).
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._task: asyncio.Task[object] | None = None
        self._given_up = False
        self._read: bytes | None = None

    def read(self, size: int = -1) -> bytes:
        """The next so many bytes, or all."""
        if self._read is None:
            self._read = self.whole()
        end = len(self._read) if size < 0 else size
        part, self._read = self._read[:end], self._read[end:]
        return part

    def whole(self) -> bytes:
        """All of it. Raises RequestEntityTooLarge, ClientDisconnected; TimeoutError where it was given up."""
        self._task = asyncio.current_task()
        try:
            return awaited(_whole(self._receive))
        except asyncio.CancelledError:
            if self._task is None or not self._given_up:
                raise
            self._task.uncancel()
            raise TimeoutError from None

    def give_up(self) -> None:
        """Whoever waits in `whole` waits no longer. Only in the loop's thread."""
        self._given_up = True
        if self._task is not None:
            self._task.cancel()


async def _whole(receive: Receive) -> bytes:
    message, read = await receive(), b""
    while message["type"] == "http.request":
        read += bytes(message["body"])
        if len(read) > LARGEST:
            raise RequestEntityTooLarge
        if not message["more_body"]:
            return read
        message = await receive()
    raise ClientDisconnected
