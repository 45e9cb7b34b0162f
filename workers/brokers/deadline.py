"""One deadline for all that a call does on the network: connecting, sending, and reading however the bytes drip in.

httpx counts each wait for bytes by itself, so that a call of many waits has no end. Here each wait gets what is left.
Only the look-up of a name is not bounded, which no program can break off; nothing is sent when it took too long.
"""

import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore
import httpx

PART = 16 * 1024  # bytes that are sent under one look at the clock


class Deadline:
    """When the call of this thread ends. Thread-safe: each thread has its own."""

    def __init__(self) -> None:
        self._local = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Within the block, what the thread does on the network ends within so many seconds."""
        self._local.ends = time.monotonic() + seconds
        try:
            yield
        finally:
            self._local.ends = None

    def wait(self, most: float | None, late: type[Exception]) -> float | None:
        """Seconds for the next wait: what is left, and no more than `most`. Raises `late` when nothing is left."""
        ends: float | None = getattr(self._local, "ends", None)
        if ends is None:
            return most
        left = ends - time.monotonic()
        if left <= 0:
            raise late("the deadline is over")
        return left if most is None else min(most, left)


def bind(client: httpx.Client, deadline: Deadline) -> None:
    """Lets the client's connections keep the deadline, those through a proxy too.

    httpx has no setting for the network below it, so its own attributes are replaced; a release that calls them
    otherwise fails here, when the client is made, and not in a call.
    """
    inner: Any = client
    for transport in (inner._transport, *inner._mounts.values()):
        if transport is not None:
            transport._pool._network_backend = BoundedBackend(transport._pool._network_backend, deadline)


class BoundedBackend(httpcore.NetworkBackend):
    """Makes connections whose every wait is bounded by the deadline."""

    def __init__(self, backend: httpcore.NetworkBackend, deadline: Deadline) -> None:
        self._backend, self._deadline = backend, deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Tries each address of the host; the waits for all of them together are no longer than the time there is."""
        refused: Exception = httpcore.ConnectError("the name has no address")
        for address in _addresses(host, port):
            wait = self._deadline.wait(timeout, httpcore.ConnectTimeout)
            try:
                stream = self._backend.connect_tcp(address, port, wait, local_address, socket_options)
                return BoundedStream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refused = error
        raise refused


class BoundedStream(httpcore.NetworkStream):
    """A connection whose every wait is bounded by the deadline."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._deadline.wait(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PART):
            self._stream.write(buffer[start : start + PART], self._deadline.wait(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        wait = self._deadline.wait(timeout, httpcore.ConnectTimeout)
        return BoundedStream(self._stream.start_tls(ssl_context, server_hostname, wait), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
