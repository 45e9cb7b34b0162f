"""A loopback HTTP server for simulated brokers, and the faults that can be put between a broker and its client."""

import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True)
class Call:
    """One request as it came in; `query` holds each name's last value, `body` the JSON or None."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    raw: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply; `body` is written as JSON, bytes as they are."""

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


class Fault(StrEnum):
    """What can happen to a call."""

    LOST_BEFORE = "lost_before"  # the connection breaks before the broker sees the call
    LOST_AFTER = "lost_after"  # the broker does what it is asked to, and the connection breaks before the answer
    ERROR_AFTER = "error_after"  # the broker does it, and answers 502
    GARBAGE_AFTER = "garbage_after"  # the broker does it, and answers 200 with something that is no JSON
    SLOW_AFTER = "slow_after"  # the broker does it, and its answer drips in for longer than anybody waits
    REFUSED_BEFORE = "refused_before"  # 429 with Retry-After, and nothing is done
    UNAVAILABLE_BEFORE = "unavailable_before"  # 503, and nothing is done


Meeting = Fault | Answer | None
"""What meets a call: a fault, an answer given in the broker's place (and nothing is done), or nothing unusual."""
Simulated = Callable[[Call], Answer]
"""A broker: takes a call and answers it. Called from many threads, one call at a time (the server has a lock)."""


class Simulator:
    """Serves a simulated broker on a free loopback port. `faults` meet the calls that `is_order` picks, in order."""

    def __init__(self, broker: Simulated, is_order: Callable[[Call], bool]) -> None:
        self.calls: list[Call] = []
        self.faults: deque[Meeting] = deque()
        self._broker = broker
        self._is_order = is_order
        self._lock = threading.Lock()
        self.ended = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.simulator = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator["Simulator"]:
        """Serves until the block ends; no thread is left."""
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.ended.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def fault_of(self, call: Call) -> Meeting:
        """What happens to this call."""
        with self._lock:
            self.calls.append(call)
            return self.faults.popleft() if self.faults and self._is_order(call) else None

    def answer(self, call: Call) -> Answer:
        """What the broker says."""
        with self._lock:
            return self._broker(call)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    simulator: Simulator

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is what the tests are about; anything else is a fault of the simulator's own."""
        import sys

        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]  # as socketserver hands them in


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        """Serves every method in the same way."""
        simulator = self.server.simulator
        call = self._call()
        match simulator.fault_of(call):
            case None:
                self._send(simulator.answer(call))
            case Answer() as instead:
                self._send(instead)
            case Fault.LOST_BEFORE:
                self._break()
            case Fault.REFUSED_BEFORE:
                self._send(Answer(429, {"message": "too many requests."}, {"Retry-After": "1"}))
            case Fault.UNAVAILABLE_BEFORE:
                self._send(Answer(503, {"message": "Service Unavailable."}))
            case Fault.LOST_AFTER:
                simulator.answer(call)
                self._break()
            case Fault.ERROR_AFTER:
                simulator.answer(call)
                self._send(Answer(502, b"<html>Bad Gateway</html>"))
            case Fault.GARBAGE_AFTER:
                simulator.answer(call)
                self._send(Answer(200, b"\x00<!doctype html>"))
            case Fault.SLOW_AFTER:
                self._drip(simulator.answer(call))

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815 - the names that the base class calls

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Says nothing: `Simulator.calls` has it all."""

    def _call(self) -> Call:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        is_json = raw and "json" in (self.headers.get("content-type") or "")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Call(self.command, parts.path, query, headers, json.loads(raw) if is_json else None, raw)

    def _send(self, answer: Answer) -> None:
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in {"Content-Type": "application/json", **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self, answer: Answer) -> None:
        """A byte now and then, until the client or the test has had enough."""
        self.send_response(answer.status)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        while not self.server.simulator.ended.wait(0.05):
            self.wfile.write(b" ")
            self.wfile.flush()

    def _break(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)
