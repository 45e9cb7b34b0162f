"""A simulated OANDA v20 REST API: what it is asked, what it refuses, and the words in which it answers.

Source: developer.oanda.com (endpoints, definitions, troubleshooting), and the sample answers of oandapyV20.
"""

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal, InvalidOperation
from typing import Any

from tests.simulators.oanda_books import LISTINGS, Books, Json, Listing, Trade
from tests.simulators.server import Answer, Call, Simulator

ORDER_FIELDS = {
    *("type", "instrument", "units", "timeInForce", "positionFill", "priceBound", "clientExtensions"),
    *("takeProfitOnFill", "stopLossOnFill", "trailingStopLossOnFill", "tradeClientExtensions"),
}
LONGEST_ID = 128
UNAUTHORIZED = Answer(401, {"errorMessage": "Insufficient authorization to perform request."})
FORBIDDEN = Answer(403, {"errorMessage": "The provided request was forbidden."})


def simulated(books: Books) -> AbstractContextManager[Simulator]:
    """Serves one account until the block ends."""
    return Simulator(Oanda(books), is_order).running()


def is_order(call: Call) -> bool:
    """Whether a call may trade."""
    return (call.method == "POST" and call.path.endswith("/orders")) or (
        call.method == "PUT" and call.path.endswith("/close")
    )


class Oanda:
    """One account behind its HTTP interface."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._routes: list[tuple[str, str, Callable[..., Answer]]] = [
            ("GET", r"/summary", self._summary),
            ("GET", r"/instruments", self._instruments),
            ("GET", r"/pricing", self._pricing),
            ("GET", r"/openPositions", self._open_positions),
            ("GET", r"/(?:open)?[tT]rades", self._trades),
            ("GET", r"/trades/([^/]+)", self._trade),
            ("GET", r"/transactions/sinceid", self._since),
            ("POST", r"/orders", self._order),
            ("PUT", r"/trades/([^/]+)/close", self._close),
        ]

    def __call__(self, call: Call) -> Answer:
        if call.headers.get("authorization") != f"Bearer {self._books.token}":
            return UNAUTHORIZED
        if call.path == "/v3/accounts":
            return Answer(200, {"accounts": [self._properties()]})
        prefix, _, rest = call.path.partition(self._books.id)
        if prefix != "/v3/accounts/" or not rest:
            return FORBIDDEN
        for method, pattern, answer in self._routes:
            if method == call.method and (match := re.fullmatch(pattern, rest)):
                return answer(call, *match.groups())
        return Answer(404, {"errorMessage": "No such endpoint"})

    def _properties(self) -> Json:
        properties: Json = {"id": self._books.id, "tags": []}
        return {**properties, "mt4AccountID": 2534253} if self._books.mt4 else properties

    def _answer(self, **body: Any) -> Answer:
        return Answer(200, {**body, **self._last()})

    def _last(self) -> Json:
        visible = self._books.visible()
        return {"lastTransactionID": visible[-1]["id"] if visible else "1"}

    def _summary(self, _: Call) -> Answer:
        books, used = self._books, self._books.margin_used()
        account = {
            "id": books.id,
            "currency": "USD",
            "balance": f"{books.balance:.4f}",
            "NAV": f"{books.balance:.4f}",
            "marginUsed": f"{used:.4f}",
            "marginAvailable": f"{books.balance - used:.4f}",
            "hedgingEnabled": books.hedging,
            "openTradeCount": len(books.open_trades()),
            "marginRate": "0.05",
        }
        return self._answer(account=account)

    def _instruments(self, _: Call) -> Answer:
        return self._answer(instruments=[_listed(name, listing) for name, listing in LISTINGS.items()])

    def _pricing(self, call: Call) -> Answer:
        names = call.query.get("instruments", "").split(",")
        if not set(names) <= LISTINGS.keys():
            return Answer(400, {"errorMessage": "Invalid value specified for 'instruments'"})
        return self._answer(prices=[self._price(name) for name in names])

    def _price(self, name: str) -> Json:
        price, halted = str(LISTINGS[name].price), self._books.halted
        bucket = [{"price": price, "liquidity": 1_000_000}]
        status = "non-tradeable" if halted else "tradeable"
        return {"instrument": name, "tradeable": not halted, "status": status, "bids": bucket, "asks": bucket}

    def _open_positions(self, _: Call) -> Answer:
        names = sorted({trade.instrument for trade in self._books.open_trades()})
        return self._answer(positions=[self._position(name) for name in names])

    def _position(self, name: str) -> Json:
        units = [trade.units for trade in self._books.open_trades(name)]
        long = sum((each for each in units if each > 0), Decimal(0))
        short = sum((each for each in units if each < 0), Decimal(0))
        return {"instrument": name, "long": {"units": str(long)}, "short": {"units": str(short)}}

    def _trades(self, call: Call) -> Answer:
        trades = self._books.open_trades(call.query.get("instrument"))
        return self._answer(trades=[trade.shown() for trade in reversed(trades)])

    def _trade(self, _: Call, specifier: str) -> Answer:
        trade = self._named(specifier)
        if trade is None or (self._books.lag and trade.id not in {row["id"] for row in self._books.visible()}):
            body = {"errorCode": "NO_SUCH_TRADE", "errorMessage": "The trade ID specified does not exist"}
            return Answer(404, {**body, **self._last()})
        return self._answer(trade=trade.shown())

    def _since(self, call: Call) -> Answer:
        if not call.query.get("id", "").isdecimal() or int(call.query["id"]) < 1:
            return Answer(400, {"errorMessage": "Invalid value specified for 'id'"})
        later = [row for row in self._books.visible() if int(row["id"]) > int(call.query["id"])]
        return self._answer(transactions=later[: self._books.page])

    def _order(self, call: Call) -> Answer:
        wanted = (call.body or {}).get("order")
        problem = _malformed(wanted)
        if problem is not None or not isinstance(wanted, dict):
            return Answer(400, {"errorMessage": problem, "lastTransactionID": self._books.next_id()})
        body = self._books.open(wanted, self._reject_of(wanted))
        if reject := body.get("orderRejectTransaction"):
            return Answer(400, _with_error(body, reject["rejectReason"]))
        return Answer(201, body)

    def _close(self, call: Call, specifier: str) -> Answer:
        units = (call.body or {}).get("units", "ALL")
        if set(call.body or {}) - {"units"} or not isinstance(units, str) or (units != "ALL" and not _is_number(units)):
            return Answer(400, {"errorMessage": "Invalid value specified for 'units'"})
        body = self._books.close(self._named(specifier), specifier, units)
        if reject := body.get("orderRejectTransaction"):
            return Answer(
                404 if reject["rejectReason"] == "TRADE_DOESNT_EXIST" else 400,
                _with_error(body, reject["rejectReason"]),
            )
        return Answer(200, body)

    def _named(self, specifier: str) -> Trade | None:
        if specifier.startswith("@"):
            named = [trade for trade in self._books.open_trades() if trade.extensions.get("id") == specifier[1:]]
            return named[0] if named else None
        return self._books.trades.get(specifier)

    def _reject_of(self, wanted: Json) -> str | None:
        """What OANDA says of an order that it can read and does not want."""
        listing = LISTINGS.get(wanted["instrument"])
        if listing is None:
            return "INSTRUMENT_UNKNOWN"
        for name, word in (("clientExtensions", "ORDER"), ("tradeClientExtensions", "TRADE")):
            given = wanted.get(name) or {}
            if given and self._books.mt4:
                return "TRADE_ON_FILL_CLIENT_EXTENSIONS_NOT_SUPPORTED"
            if any(not isinstance(text, str) or not 0 < len(text) <= LONGEST_ID for text in given.values()):
                return f"CLIENT_{word}_ID_INVALID"
        return _wrong_units(listing, Decimal(wanted["units"]))


def _wrong_units(listing: Listing, units: Decimal) -> str | None:
    if not units:
        return "UNITS_INVALID"
    exponent = units.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > listing.precision:
        return "UNITS_PRECISION_EXCEEDED"
    if abs(units) < Decimal(listing.minimum):
        return "UNITS_MIMIMUM_NOT_MET"
    return "UNITS_LIMIT_EXCEEDED" if Decimal(listing.maximum) and abs(units) > Decimal(listing.maximum) else None


def _malformed(wanted: object) -> str | None:
    if not isinstance(wanted, dict) or not {"type", "instrument", "units"} <= wanted.keys():
        return "The request was missing required data"
    if unknown := sorted(wanted.keys() - ORDER_FIELDS):
        return f"Invalid value specified for 'order.{unknown[0]}'"
    if wanted["type"] != "MARKET" or wanted.get("timeInForce", "FOK") not in {"FOK", "IOC"}:
        return "Invalid value specified for 'order.type'"
    if not isinstance(wanted["units"], str) or not _is_number(wanted["units"]):
        return "Invalid value specified for 'order.units'"
    if not isinstance(wanted["instrument"], str) or not re.fullmatch(r"[A-Z0-9]+_[A-Z0-9]+", wanted["instrument"]):
        return "Invalid value specified for 'order.instrument'"
    if wanted.get("positionFill", "DEFAULT") not in {"DEFAULT", "OPEN_ONLY", "REDUCE_FIRST", "REDUCE_ONLY"}:
        return "Invalid value specified for 'order.positionFill'"
    return None


def _is_number(text: str) -> bool:
    try:
        return bool(re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text)) and Decimal(text).is_finite()
    except InvalidOperation:
        return False


def _with_error(body: Json, reason: str) -> Json:
    return {**body, "errorCode": reason, "errorMessage": f"The order was rejected: {reason}"}


def _listed(name: str, listing: Listing) -> Json:
    return {
        "name": name,
        "type": listing.kind,
        "displayName": name.replace("_", "/"),
        "pipLocation": -2,
        "displayPrecision": 3,
        "tradeUnitsPrecision": listing.precision,
        "minimumTradeSize": listing.minimum,
        "maximumTrailingStopDistance": "10000.0",
        "minimumTrailingStopDistance": "5.0",
        "maximumPositionSize": "0",
        "maximumOrderUnits": listing.maximum,
        "marginRate": "0.05",
    }
