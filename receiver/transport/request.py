"""A webhook as it comes in: what of a request its way to an answer looks at, and its body as it arrives."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from receiver.transport.greenlets import wait_for

IS_GONE = "proquant_bridge.is_gone"  # by which our `http_limits.py` says it: ASGI tells only those who wait for it
LARGEST = 64 * 1024  # bytes of a body

Receive = Callable[[], Awaitable[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """`authorization`: the header, or nothing. `media_type`: of the body, in small letters. `address`: who calls.

    `encoding`: how the body is packed, in small letters, or nothing. `read`: the whole body; `coming`: the same body,
    where it may not be there yet and can be given up. `is_gone`: whether the caller has hung up, so that no answer can
    reach it.
    """

    authorization: str
    media_type: str
    encoding: str
    address: str
    read: Callable[[], bytes]
    coming: "Body | None" = None
    is_gone: Callable[[], bool] = lambda: False


def of_flask(request: Request) -> WebhookRequest:
    """The request under way. A header that is there twice has both values, and so none that is known."""
    stream = request.environ["wsgi.input"]
    coming = stream if isinstance(stream, Body) else None
    return WebhookRequest(
        authorization=request.headers.get("Authorization", ""),
        media_type=request.mimetype,
        encoding=_encoding(request),
        address=request.remote_addr or "unknown",
        # Werkzeug's own stream takes a body that is given up (TimeoutError) for a client that went away.
        read=lambda: request.get_data(cache=False) if coming is None else coming.whole(),
        coming=coming,
        is_gone=request.environ.get(IS_GONE, _nobody_knows),
    )


def _encoding(request: Request) -> str:
    said = request.headers.get("Content-Encoding", "").strip().lower()
    return "" if said == "identity" else said


def _nobody_knows() -> bool:
    return False


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
            return wait_for(_whole(self._receive))
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
