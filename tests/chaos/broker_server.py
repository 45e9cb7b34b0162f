"""The chaos broker: an HTTP server in a process of its own, whose books survive its death. See `--help`."""

import argparse
import json
import socket
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.chaos import books
from tests.chaos.books import BookedOrder
from tests.chaos.broker_faults import LAG_SECONDS, RETRY_AFTER_SECONDS, BrokerFault, Schedule, Treatment

SYMBOLS = ("XAUUSD", "XAGUSD", "EURUSD", "US500", "BTCUSD")
PRICE = Decimal(100)
DEDUPES = ("lifetime", "none")

Reply = tuple[int, object]
DROPPED: Reply = (0, None)
"""No answer at all: the connection is closed."""


@dataclass(slots=True)
class Desk:
    """What the server knows: its books, in memory and in the file, and the faults that are on. Thread-safe."""

    path: Path
    dedupe: str
    schedule: Schedule = field(default_factory=Schedule)
    lock: threading.Lock = field(default_factory=threading.Lock)
    orders: list[BookedOrder] = field(default_factory=list)
    refused_twice: int = 0

    def begin_fault(self, members: dict[str, Any]) -> Reply:
        with self.lock:
            until = time.monotonic() + float(members["seconds"])
            self.schedule.begin(BrokerFault(members["fault"]), until, int(members["seed"]))
        return 200, {}

    def clear_faults(self) -> Reply:
        with self.lock:
            self.schedule.clear()
        return 200, {}

    def submit(self, members: dict[str, Any]) -> Reply:
        """One new order; the treatment decides what the sender learns of it."""
        with self.lock:
            treatment = self.schedule.submit(time.monotonic())
        if treatment.fault is BrokerFault.THROTTLED:
            return 429, {"error": "throttled"}
        if treatment.fault is BrokerFault.ERROR_BEFORE:
            return 503, {"error": "unavailable"}
        time.sleep(treatment.before)
        reply = self._accept(members)
        time.sleep(treatment.after)
        return _told(treatment, reply)

    def look_up(self, account: str, client_order_id: str) -> Reply:
        """The order under this id, unless it is too young for a look-up that lags."""
        with self.lock:
            treatment = self.schedule.look_up(time.monotonic())
            found = self._known(account, client_order_id)
        if treatment.fault is BrokerFault.LOOKUPS_FAIL:
            return 503, {"error": "unavailable"}
        time.sleep(treatment.before + treatment.after)
        lags = treatment.fault is BrokerFault.LOOKUPS_LAG
        if found is None or (lags and (datetime.now(UTC) - found.accepted_at).total_seconds() < LAG_SECONDS):
            return 404, {"error": "not_found"}
        return 200, books.as_json(found)

    def positions(self, account: str) -> Reply:
        with self.lock:
            net = books.net([order for order in self.orders if order.account == account])
        return 200, {symbol: str(quantity) for symbol, quantity in net.items()}

    def _accept(self, members: dict[str, Any]) -> Reply:
        with self.lock:
            known = self._known(members["account"], members["client_order_id"])
            if known is not None and self.dedupe == "lifetime":
                self.refused_twice += 1
                return 409, books.as_json(known)
            news = {"broker_order_id": f"b-{len(self.orders) + 1}", "price": PRICE, "accepted_at": datetime.now(UTC)}
            order = books.from_json({**members, **news})
            books.append(self.path, order)
            self.orders.append(order)
        return 201, books.as_json(order)

    def _known(self, account: str, client_order_id: str) -> BookedOrder | None:
        wanted = (account, client_order_id)
        return next((order for order in self.orders if (order.account, order.client_order_id) == wanted), None)


def _told(treatment: Treatment, reply: Reply) -> Reply:
    if treatment.fault is BrokerFault.REPLY_LOST:
        return DROPPED
    return (502, {"error": "bad_gateway"}) if treatment.fault is BrokerFault.ERROR_AFTER else reply


class Handler(BaseHTTPRequestHandler):
    """Turns requests into calls of the desk, and its replies into answers."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer in one piece
    desk: Desk

    def do_GET(self) -> None:  # the name that the base class calls
        url = urlsplit(self.path)
        account = parse_qs(url.query).get("account", [""])[0]
        match url.path.strip("/").split("/"):
            case ["orders", client_order_id]:
                self._answer(self.desk.look_up(account, client_order_id))
            case ["positions"]:
                self._answer(self.desk.positions(account))
            case ["symbols"]:
                self._answer((200, SYMBOLS))
            case ["figures"]:
                self._answer((200, {"refused_twice": self.desk.refused_twice}))
            case _:
                self._answer((404, {"error": "no_such_path"}))

    def do_POST(self) -> None:  # as above
        members = json.loads(self.rfile.read(int(self.headers["content-length"])))
        match self.path:
            case "/orders":
                self._answer(self.desk.submit(members))
            case "/faults":
                self._answer(self.desk.begin_fault(members) if members else self.desk.clear_faults())
            case _:
                self._answer((404, {"error": "no_such_path"}))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name of the base class
        pass  # the books say what was accepted

    def _answer(self, reply: Reply) -> None:
        if reply == DROPPED:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, members = reply
        body = json.dumps(members).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if status == 429:
            self.send_header("retry-after", str(RETRY_AFTER_SECONDS))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """Quiet about clients that leave: here that is their business."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception() if sys.version_info >= (3, 12) else sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def make_server(port: int, path: Path, dedupe: str) -> Server:
    """A server on loopback that knows what `path` holds; it serves with `serve_forever`."""
    desk = Desk(path, dedupe, orders=books.read(path))
    return Server(("127.0.0.1", port), type("DeskHandler", (Handler,), {"desk": desk}))


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--books", type=Path, required=True, help="the file of accepted orders")
    parser.add_argument("--dedupe", choices=DEDUPES, default="lifetime", help="what becomes of a known order id")
    chosen = parser.parse_args(arguments)
    make_server(chosen.port, chosen.books, chosen.dedupe).serve_forever()


if __name__ == "__main__":
    main()
