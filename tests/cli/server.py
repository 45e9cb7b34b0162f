"""An HTTP server on the loopback that answers as it is told and remembers what it was asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Asked:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class LoopbackServer:
    """What it answers, and what it was asked."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    echoes: bool = False  # the end of the request in place of `body`, as a page of an error may show it
    drops: int = 0  # so many requests are read and then left without an answer
    asked: list[Asked] = field(default_factory=list)


@contextmanager
def serving() -> Iterator[LoopbackServer]:
    """The server, for as long as it is needed."""
    told = LoopbackServer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            told.asked.append(Asked(self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            if told.drops > 0:
                told.drops -= 1
                self.close_connection = True
                return
            if told.echoes:
                told.body = body[-110:]
            self.send_response(told.status)
            for name, value in {"Content-Length": str(len(told.body)), **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        told.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield told
        server.shutdown()
        thread.join()
