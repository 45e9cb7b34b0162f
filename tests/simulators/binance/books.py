"""The books of one account of the simulated Binance: margin, net positions, and every order that was accepted."""

import itertools
import time
from collections import deque
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any

from tests.simulators.binance.contracts import CONTRACTS, Contract

LEVERAGE = 20
_ids = itertools.count(8_886_774)


@dataclass
class Order:
    """One accepted market order."""

    symbol: str
    client_id: str
    side: str
    quantity: Decimal
    reduce_only: bool
    visible_at: float  # by the monotonic clock; look-ups miss it before
    status: str = "NEW"
    filled: Decimal = Decimal(0)
    later: str | None = None  # what becomes of a working order at its next look-up: FILLED or EXPIRED
    looks: int = 0  # how many more look-ups find it working
    id: int = field(default_factory=lambda: next(_ids))
    time: int = field(default_factory=lambda: int(time.time() * 1000))

    def body(self) -> dict[str, Any]:
        """As the exchange tells it (USD-M futures, "New Order" with RESULT, and "Query Order")."""
        price = CONTRACTS[self.symbol].price if self.filled else Decimal(0)
        return {
            "orderId": self.id, "symbol": self.symbol, "status": self.status, "clientOrderId": self.client_id,
            "price": "0.00", "avgPrice": f"{price:.5f}", "origQty": f"{self.quantity:f}",
            "executedQty": f"{self.filled:f}", "cumQuote": f"{self.filled * price:f}",
            "timeInForce": "GTC", "type": "MARKET", "reduceOnly": self.reduce_only, "closePosition": False,
            "side": self.side, "positionSide": "BOTH", "stopPrice": "0.00", "workingType": "CONTRACT_PRICE",
            "priceProtect": False, "origType": "MARKET", "priceMatch": "NONE", "selfTradePreventionMode": "NONE",
            "goodTillDate": 0, "time": self.time, "updateTime": self.time,
        }  # fmt: skip


@dataclass
class Books:
    """One account. `staged` says what becomes of the next orders: ok, partial:<part>, accepted, cancelled(_later)."""

    balance: Decimal = Decimal(100_000)
    lag: float = 0.0
    staged: deque[str] = field(default_factory=deque)
    net: dict[str, Decimal] = field(default_factory=dict)
    orders: list[Order] = field(default_factory=list)

    def margin(self) -> Decimal:
        """What the positions bind."""
        return sum((abs(held) * CONTRACTS[each].price / LEVERAGE for each, held in self.net.items()), Decimal(0))

    def affords(self, contract: Contract, side: str, quantity: Decimal) -> bool:
        """Whether the account has the margin; what shrinks a position is always affordable."""
        held = self.net.get(contract.symbol, Decimal(0))
        after = held + _signed(side, quantity)
        grown = max(Decimal(0), abs(after) - abs(held)) * contract.price / LEVERAGE
        return self.margin() + grown <= self.balance

    def open_order(self, client_id: str) -> Order | None:
        """The working order with this client id."""
        working = [each for each in self.orders if each.client_id == client_id and each.status == "NEW"]
        return working[-1] if working else None

    def accept(self, symbol: str, client_id: str, side: str, quantity: Decimal, reduce_only: bool) -> Order:
        """Takes the order into the books, and does with it what is staged."""
        order = Order(symbol, client_id, side, quantity, reduce_only, time.monotonic() + self.lag)
        self.orders.append(order)
        word, _, part = (self.staged.popleft() if self.staged else "ok").partition(":")
        match word:
            case "ok":
                self._fill(order, quantity)
            case "partial":
                step = CONTRACTS[symbol].step
                self._fill(order, (quantity * Decimal(part)).quantize(step, ROUND_DOWN))
            case "accepted":
                order.later = "FILLED"
            case "cancelled":
                order.status = "EXPIRED"
            case "cancelled_later":
                order.later = "EXPIRED"
            case _:
                raise ValueError(word)
        return order

    def look_up(self, symbol: str, client_id: str | None, order_id: int | None) -> Order | None:
        """The latest order with this id, once it is visible; a working one comes to its end by being looked at."""
        found = [
            each
            for each in self.orders
            if each.symbol == symbol and (each.client_id == client_id if order_id is None else each.id == order_id)
        ]
        if not found or time.monotonic() < found[-1].visible_at:
            return None
        self._go_on(found[-1])
        return found[-1]

    def _go_on(self, order: Order) -> None:
        if order.status != "NEW" or order.later is None:
            return
        if order.looks:
            order.looks -= 1
        elif order.later == "FILLED":
            self._fill(order, order.quantity)
        else:
            order.status = order.later

    def _fill(self, order: Order, quantity: Decimal) -> None:
        held = self.net.get(order.symbol, Decimal(0))
        if order.reduce_only:
            quantity = min(quantity, abs(held))
        order.filled = quantity
        order.status = "FILLED" if quantity == order.quantity else "EXPIRED"
        self.net[order.symbol] = held + _signed(order.side, quantity)


def _signed(side: str, quantity: Decimal) -> Decimal:
    return quantity if side == "BUY" else -quantity
