"""Alpaca's Trading API on loopback: its requests, replies and error bodies as documented, on one account's books."""

import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import unquote

from tests.simulators import alpaca_replies as replies
from tests.simulators.alpaca_books import ASSETS, Books, Order, Refused
from tests.simulators.server import Answer, Call

KEY_ID, SECRET_KEY = "PKSIMULATED", "secret-of-the-simulator"
FIELDS = {"symbol", "qty", "side", "type", "time_in_force", "client_order_id", "position_intent"}
REFUSALS: dict[str, tuple[int, int, str]] = {
    "InsufficientFunds": (403, 40310000, "insufficient buying power"),
    "QuantityTooLow": (403, 40310000, "cost basis must be >= minimal amount of order 1"),
    "InvalidQuantityPrecision": (422, 40010001, "qty must be integer"),
    "UnsupportedInstrument": (422, 40010001, "us_equity orders not allowed for account"),
    "PositionNotFound": (404, 40410000, "position does not exist"),
    "InvalidCredentials": (401, 40110000, "request is not authorized"),
    "other": (403, 40310100, "trade denied due to pattern day trading protection"),
}
"""Staged refusals, in the vendor's words; MarketClosed is staged at the clock, since there is no such answer."""


def is_order(call: Call) -> bool:
    """The calls that place an order."""
    return call.method == "POST" and call.path == "/v2/orders"


class Alpaca:
    """One fresh account. `words` meet the orders that arrive, one after the other; then all is ok.

    `lag`: seconds for which a look-up by client order id misses a new order. `strict`: numbers must be strings, as the
    OpenAPI text says; the vendor's own Python client sends them as numbers.
    """

    def __init__(self, *words: str, lag: float = 0.0, strict: bool = True, fee: str = "0") -> None:
        self.books = Books(Decimal(fee))
        self.words = deque(words)
        self.market_open = True
        self.session_ends = timedelta(hours=3)
        self.keys_valid = True
        self._lag, self._strict = lag, strict

    def __call__(self, call: Call) -> Answer:
        headers = call.headers.get("apca-api-key-id"), call.headers.get("apca-api-secret-key")
        if not self.keys_valid or headers != (KEY_ID, SECRET_KEY):
            return Answer(401, {"code": 40110000, "message": "request is not authorized"})
        try:
            return self._route(call)
        except Refused as refused:
            return refused.answer

    def _route(self, call: Call) -> Answer:
        section, _, name = call.path.removeprefix("/v2/").partition("/")
        routes: dict[tuple[str, str, bool], Callable[[Call, str], Answer]] = {
            ("GET", "account", False): lambda *_: Answer(200, replies.account(self.books)),
            ("GET", "clock", False): lambda *_: self._clock(),
            ("GET", "assets", False): lambda *_: self._assets(call),
            ("GET", "assets", True): lambda *_: self._asset(unquote(name)),
            ("GET", "positions", False): lambda *_: Answer(200, replies.positions(self.books)),
            ("GET", "positions", True): lambda *_: self._position(unquote(name)),
            ("GET", "orders:by_client_order_id", False): lambda *_: self._look_up(call),
            ("GET", "orders", True): lambda *_: Answer(200, replies.order(self._by_id(name))),
            ("POST", "orders", False): lambda *_: self._place(call.body),
            ("DELETE", "orders", True): lambda *_: self._cancel(self._by_id(name)),
        }
        route = routes.get((call.method, section, bool(name)))
        return route(call, name) if route else Answer(404, {"code": 40410000, "message": "endpoint not found."})

    def _clock(self) -> Answer:
        if self.words and self.words[0] == "reject:MarketClosed":
            self.words.popleft()
            return Answer(200, replies.clock(False, self.session_ends))
        return Answer(200, replies.clock(self.market_open, self.session_ends))

    def _assets(self, call: Call) -> Answer:
        if unknown := call.query.keys() - {"status", "asset_class", "exchange", "attributes"}:
            raise Refused(422, 42210000, f"unknown parameter: {sorted(unknown)}")
        kind = call.query.get("asset_class", "us_equity")
        return Answer(200, [replies.asset(each) for each in ASSETS.values() if each.kind == kind])

    def _asset(self, name: str) -> Answer:
        for asset in ASSETS.values():
            if name in {asset.symbol, asset.id}:
                return Answer(200, replies.asset(asset))
        raise Refused(404, 40410000, f"asset not found for {name}")

    def _position(self, name: str) -> Answer:
        for row in replies.positions(self.books):
            if name in {row["asset_id"], row["symbol"]}:
                return Answer(200, row)
        raise Refused(404, 40410000, "position does not exist")

    def _by_id(self, name: str) -> Order:
        for order in self.books.orders.values():
            if order.id == name:
                return order
        raise Refused(404, 40410000, f"order not found for {name}")

    def _look_up(self, call: Call) -> Answer:
        """Tells how an order stands; one that is staged to be working has ended when it is asked for by our id."""
        name = call.query["client_order_id"]
        order = self.books.orders.get(name)
        if order is None or time.monotonic() < order.born + self._lag:
            raise Refused(404, 40410000, f"order not found for {name}")
        if order.working and order.looks == 0:
            self._end(order)
        order.looks = max(0, order.looks - 1)
        return Answer(200, replies.order(order))

    def _end(self, order: Order) -> None:
        if order.ends_as == "filled":
            self.books.fill(order, order.quantity - order.filled)
        else:
            order.status = order.ends_as

    def _place(self, body: Any) -> Answer:
        word, _, detail = (self.words.popleft() if self.words else "ok").partition(":")
        if word == "unavailable":
            return Answer(429, {"code": 42910000, "message": "rate limit exceeded"}, {"Retry-After": detail})
        if word == "reject":
            raise Refused(*REFUSALS[detail])
        fields = self._fields(body)
        if (known := self.books.orders.get(fields["client_order_id"])) is not None:
            known.looks += known.working  # the look-up that follows a duplicate does not find it ended yet
            raise Refused(422, 40010001, "client_order_id must be unique")
        order = Order(fields, self.books.check(fields), born=time.monotonic())
        self.books.orders[fields["client_order_id"]] = order
        self._execute(order, word, detail)
        return Answer(200, replies.order(order))

    def _fields(self, body: Any) -> dict[str, str]:
        if not isinstance(body, dict) or body.keys() - FIELDS - {"extended_hours"}:
            raise Refused(400, 40010000, "request body format is invalid")
        if self._strict and not isinstance(body.get("qty"), str):
            raise Refused(422, 40010001, "qty must be string")
        fields = {name: str(value) for name, value in body.items()}
        crypto = "/" in fields["symbol"]
        if fields["time_in_force"] not in ({"gtc", "ioc"} if crypto else {"day", "gtc", "ioc", "fok", "opg", "cls"}):
            raise Refused(422, 42210000, f"invalid {'crypto ' if crypto else ''}time_in_force")
        if (fields["type"], fields["side"]) not in {("market", "buy"), ("market", "sell")}:
            raise Refused(422, 40010001, "invalid order type or side")
        if not 0 < len(fields.get("client_order_id", "")) <= 128:
            raise Refused(422, 40010001, "client_order_id must be no more than 128 characters")
        try:
            Decimal(fields["qty"])
        except InvalidOperation:
            raise Refused(422, 40010001, "qty is not a number") from None
        return fields

    def _execute(self, order: Order, word: str, detail: str) -> None:
        match word:
            case "ok":
                self.books.fill(order, order.quantity)
            case "partial":
                self.books.fill(order, order.quantity * Decimal(detail))
                order.status = "canceled"
            case "partial_working":
                self.books.fill(order, order.quantity * Decimal(detail))
            case "cancelled":
                order.status = "canceled"
            case "accepted":
                order.status = "accepted"
            case "cancelled_later":
                order.status, order.ends_as = "accepted", "canceled"
            case "queued":
                order.status, self.market_open = "accepted", False
            case _:  # any other status of the vendor's
                order.status = word

    def _cancel(self, order: Order) -> Answer:
        if not order.working:
            raise Refused(422, 42210000, f'order is already in "{order.status}" state')
        order.status = "canceled"
        return Answer(204, b"")


def closed_at_once() -> Alpaca:
    """An account whose market is closed."""
    alpaca = Alpaca()
    alpaca.market_open, alpaca.session_ends = False, timedelta(hours=12)
    return alpaca
