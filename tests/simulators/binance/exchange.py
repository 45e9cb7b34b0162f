"""The simulated exchange: who may ask, what it refuses in which words, and what it answers."""

import hashlib
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.simulators.binance.books import LEVERAGE, Books
from tests.simulators.binance.contracts import CONTRACTS, Contract, exchange_information
from tests.simulators.binance.words import refusal
from tests.simulators.server import Answer, Call

CLIENT_ID = re.compile(r"[\.A-Z:/a-z0-9_-]{1,36}")
OF_AN_ORDER = {
    *("symbol", "side", "positionSide", "type", "timeInForce", "quantity", "reduceOnly", "price", "newClientOrderId"),
    *("newOrderRespType", "recvWindow", "timestamp", "signature"),
}


@dataclass
class Exchange:
    """One account and the exchange around it. Its settings may be changed by a test at any time."""

    key: str = "key-of-the-test"
    secret: str = "secret-of-the-test"
    books: Books = field(default_factory=Books)
    expired: bool = False
    hedge: bool = False
    status: str = "TRADING"
    ahead_ms: int = 0  # of our clock
    used_weight: int = 1
    resting: bool = False  # reduce-only orders of the account's own take up all that is held
    listing: Callable[[dict[str, Any]], Answer] | None = None  # what is said in place of exchangeInfo

    def answer(self, call: Call) -> Answer:
        """Serves one call; the server asks for one at a time."""
        answer = self._answer(call)
        return Answer(answer.status, answer.body, {**answer.headers, "X-MBX-USED-WEIGHT-1M": str(self.used_weight)})

    def _answer(self, call: Call) -> Answer:
        match call.method, call.path:
            case "GET", "/fapi/v1/ping":
                return Answer(200, {})
            case "GET", "/fapi/v1/time":
                return Answer(200, {"serverTime": self._now()})
            case "GET", "/fapi/v1/exchangeInfo":
                told = exchange_information(self.status)
                return Answer(200, told) if self.listing is None else self.listing(told)
            case "GET", "/fapi/v1/premiumIndex":
                return Answer(200, [_mark(each, self._now()) for each in CONTRACTS.values()])
        asked = _parameters(call)
        if refused := self._unauthorised(call, asked):
            return refused
        match call.method, call.path:
            case "POST", "/fapi/v1/order":
                return self._order(asked)
            case "GET", "/fapi/v1/order":
                return self._query(asked)
            case "GET", "/fapi/v1/positionSide/dual":
                return Answer(200, {"dualSidePosition": self.hedge})
            case "GET", "/fapi/v3/account":
                return Answer(200, self._account())
            case "GET", "/fapi/v3/positionRisk":
                return Answer(200, self._positions(asked.get("symbol")))
            case "GET", "/fapi/v1/leverageBracket":
                return Answer(200, [{"symbol": each, "brackets": [_bracket()]} for each in CONTRACTS])
        return Answer(404, b"<html><body>Not Found</body></html>")

    def _now(self) -> int:
        return int(time.time() * 1000) + self.ahead_ms

    def _unauthorised(self, call: Call, asked: dict[str, str]) -> Answer | None:
        key = call.headers.get("x-mbx-apikey")
        if not key:
            return refusal(-2014, "API-key format invalid.", 401)
        if self.expired or key != self.key:
            return refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        for name in ("timestamp", "signature"):
            if not asked.get(name):
                return refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
        payload = urlencode([(name, value) for name, value in asked.items() if name != "signature"])
        if hmac.new(self.secret.encode(), payload.encode(), hashlib.sha256).hexdigest() != asked["signature"]:
            return refusal(-1022, "Signature for this request is not valid.")
        late = self._now() - int(asked["timestamp"])
        if late <= -1000:
            return refusal(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if late > int(asked.get("recvWindow", "5000")):
            return refusal(-1021, "Timestamp for this request is outside of the recvWindow.")
        return None

    def _order(self, asked: dict[str, str]) -> Answer:
        contract = CONTRACTS.get(asked.get("symbol", ""))
        refused = self._malformed(asked, contract)
        if refused or contract is None:
            return refused or refusal(-1121, "Invalid symbol.")
        quantity, reducing = Decimal(asked["quantity"]), asked.get("reduceOnly") == "true"
        refused = _filtered(contract, quantity, reducing) or self._untradable(
            contract, asked["side"], quantity, reducing
        )
        if refused:
            return refused
        client_id = asked.get("newClientOrderId", "web_1")
        if working := self.books.open_order(client_id):
            working.looks += 1  # it still works when it is looked up for this reason
            return refusal(-4116, "ClientOrderId is duplicated.")
        order = self.books.accept(contract.symbol, client_id, asked["side"], quantity, reducing)
        body = order.body() | {"cumQty": f"{order.filled:f}"}
        if asked.get("newOrderRespType", "ACK") == "ACK":
            body |= {"status": "NEW", "executedQty": "0", "cumQty": "0", "cumQuote": "0", "avgPrice": "0.00"}
        del body["time"]
        return Answer(200, body)

    def _malformed(self, asked: dict[str, str], contract: Contract | None) -> Answer | None:
        if unread := asked.keys() - OF_AN_ORDER:
            return refusal(-1104, f"Not all sent parameters were read; {sorted(unread)} were not.")
        if contract is None:
            return refusal(-1121, "Invalid symbol.")
        if asked.get("side") not in {"BUY", "SELL"}:
            return refusal(-1117, "Invalid side.")
        if asked.get("type") != "MARKET":
            return refusal(-1116, "Invalid orderType.")
        for name in ("price", "timeInForce"):
            if name in asked:
                return refusal(-1106, f"Parameter '{name}' sent when not required.")
        if not re.fullmatch(r"\d+(\.\d+)?", asked.get("quantity", "")):
            return refusal(-1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed.")
        if not CLIENT_ID.fullmatch(asked.get("newClientOrderId", "web_1")):
            return refusal(-4015, "Client order id is not valid.")
        if self.hedge:
            return refusal(-4061, "Order's position side does not match user's setting.")
        return None

    def _untradable(self, contract: Contract, side: str, quantity: Decimal, reducing: bool) -> Answer | None:
        if self.status != "TRADING":
            return refusal(-4141, "Symbol is closed.")
        held = self.books.net.get(contract.symbol, Decimal(0))
        if reducing and (self.resting or (held >= 0 if side == "BUY" else held <= 0)):
            return refusal(-2022, "ReduceOnly Order is rejected.")
        if not reducing and not self.books.affords(contract, side, quantity):
            return refusal(-2019, "Margin is insufficient.")
        return None

    def _query(self, asked: dict[str, str]) -> Answer:
        order_id, client_id = asked.get("orderId"), asked.get("origClientOrderId")
        if order_id is None and client_id is None:
            return refusal(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        if asked.get("symbol") not in CONTRACTS:
            return refusal(-1121, "Invalid symbol.")
        order = self.books.look_up(asked["symbol"], client_id, int(order_id) if order_id else None)
        return refusal(-2013, "Order does not exist.") if order is None else Answer(200, order.body())

    def _account(self) -> dict[str, Any]:
        balance, margin = self.books.balance, self.books.margin()
        asset = {"asset": "USDT", "walletBalance": f"{balance:f}", "unrealizedProfit": "0.00000000",
                 "marginBalance": f"{balance:f}", "maintMargin": "0.00000000", "initialMargin": f"{margin:f}",
                 "availableBalance": f"{balance - margin:f}", "updateTime": self._now()}  # fmt: skip
        totals = {"totalWalletBalance": f"{balance:f}", "totalMarginBalance": f"{balance:f}",
                  "totalInitialMargin": f"{margin:f}", "availableBalance": f"{balance - margin:f}"}  # fmt: skip
        return {**totals, "assets": [asset], "positions": self._positions(None)}

    def _positions(self, symbol: str | None) -> list[dict[str, Any]]:
        return [
            {"symbol": each, "positionSide": "BOTH", "positionAmt": f"{held:f}",
             "entryPrice": f"{CONTRACTS[each].price:f}", "breakEvenPrice": f"{CONTRACTS[each].price:f}",
             "markPrice": f"{CONTRACTS[each].price:f}", "unRealizedProfit": "0.00000000", "liquidationPrice": "0",
             "isolatedMargin": "0", "notional": f"{held * CONTRACTS[each].price:f}", "marginAsset": "USDT",
             "isolatedWallet": "0", "initialMargin": f"{abs(held) * CONTRACTS[each].price / LEVERAGE:f}",
             "maintMargin": "0", "positionInitialMargin": "0", "openOrderInitialMargin": "0", "adl": 0,
             "bidNotional": "0", "askNotional": "0", "updateTime": self._now()}
            for each, held in self.books.net.items()
            if held and symbol in {None, each}
        ]  # fmt: skip


def _parameters(call: Call) -> dict[str, str]:
    """The query string and then the form, as the signature counts them."""
    form = parse_qsl(call.raw.decode()) if "form" in call.headers.get("content-type", "") else []
    return {**call.query, **dict(form)}


def _filtered(contract: Contract, quantity: Decimal, reducing: bool) -> Answer | None:
    """What the filters refuse; each fault has a code of its own."""
    try:
        quantity.quantize(contract.step)
    except InvalidOperation:
        return refusal(-4005, "Quantity greater than max quantity.")
    if -int(quantity.normalize().as_tuple().exponent) > contract.precision:
        return refusal(-1111, "Precision is over the maximum defined for this asset.")
    if quantity % contract.step:
        return refusal(-4023, "Qty not increased by step size.")
    if quantity <= 0:
        return refusal(-4003, "Quantity less than zero.")
    if quantity < contract.minimum:
        return refusal(-4004, "Quantity less than min quantity.")
    if quantity > contract.maximum:
        return refusal(-4005, "Quantity greater than max quantity.")
    if not reducing and quantity * contract.price < contract.notional:
        words = f"Order's notional must be no smaller than {contract.notional} (unless you choose reduce only)."
        return refusal(-4164, words)
    return None


def _mark(contract: Contract, now: int) -> dict[str, Any]:
    price = f"{contract.price:f}"
    return {"symbol": contract.symbol, "markPrice": price, "indexPrice": price, "estimatedSettlePrice": price,
            "lastFundingRate": "0.00010000", "interestRate": "0.00010000", "nextFundingTime": 0,
            "time": now}  # fmt: skip


def _bracket() -> dict[str, Any]:
    return {"bracket": 1, "initialLeverage": LEVERAGE, "notionalCap": 10_000_000, "notionalFloor": 0,
            "maintMarginRatio": 0.004, "cum": 0.0}  # fmt: skip
