"""Carries requests from the server's loop (ASGI) to Flask (WSGI), and the answers back: one thread for all of them."""

import sys
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask

from receiver.transport.greenlets import run_in_greenlet
from receiver.transport.request import IS_GONE, Body, Receive

THREADS = 32  # of a process, for what would block

Scope = Mapping[str, Any]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
_Answer = tuple[int, list[tuple[str, str]], bytes]


class AsgiApp:
    """A Flask application for a server that speaks ASGI 3. Make it after a fork: it has threads.

    `stop`: what is left to do when every request is answered and the process ends; it must not take long.
    """

    def __init__(self, flask: Flask, stop: Callable[[], object] = lambda: None) -> None:
        self._flask = flask
        self._stop = stop
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; or the life of the process, from its beginning to its end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        status, headers, body = await run_in_greenlet(self._threads, self._answer, environ(scope, receive))
        spelled = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await send({"type": "http.response.start", "status": status, "headers": spelled})
        await send({"type": "http.response.body", "body": body})

    async def _live(self, receive: Receive, send: Send) -> None:
        for happens in ("lifespan.startup", "lifespan.shutdown"):
            said = await receive()
            if said["type"] != happens:
                raise RuntimeError(f"The server says {said['type']} where {happens} is due.")
            if happens == "lifespan.shutdown":
                self._stop()
            await send({"type": f"{happens}.complete"})

    def _answer(self, environ: dict[str, Any]) -> _Answer:
        begun: list[tuple[int, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], _error: object = None) -> Callable[[bytes], object]:
            begun.append((int(status[:3]), headers))
            return _write

        parts = self._flask.wsgi_app(environ, start)
        try:
            body = b"".join(parts)
        finally:
            close = getattr(parts, "close", None)
            if close is not None:
                close()
        ((status, headers),) = begun
        return status, headers, body


def _write(_: bytes) -> object:
    raise RuntimeError("Flask gives its answer back; it never writes.")


def environ(scope: Scope, receive: Receive) -> dict[str, Any]:
    """The request in WSGI's words (PEP 3333)."""
    host, port = scope["server"]
    made = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode().decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": scope["client"][0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": Body(receive),
        "wsgi.input_terminated": True,
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        key, said = _KEYS.get(name) or _key(name), value.decode("latin-1")
        made[key] = f"{made[key]},{said}" if key in made else said
    is_gone = scope.get("extensions", {}).get(IS_GONE)
    if is_gone is not None:
        made[IS_GONE] = is_gone
    return made


def _key(name: bytes) -> str:
    return "HTTP_" + name.decode("latin-1").upper().replace("-", "_")


_USUAL = (b"accept", b"accept-encoding", b"authorization", b"connection", b"host", b"user-agent")
_KEYS = {name: _key(name) for name in _USUAL} | {b"content-type": "CONTENT_TYPE", b"content-length": "CONTENT_LENGTH"}
