"""Alpaca's JSON as our values. Pure: each function raises one of ODD for a body that is not what is documented.

Alpaca writes quantities and money as strings (docs.alpaca.markets, "Orders at Alpaca", "Assets", "Positions",
"Account", "Clock"); whatever a number looks like, it becomes a Decimal without a float in between.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.domain import BrokerOrderId, ClientOrderId, Direction, Leg, OrderState
from workers.brokers.base import AccountSummary, BrokerPosition, Fill, OrderReport, OrderRequest

ODD = (KeyError, TypeError, ValueError, ArithmeticError, AttributeError)
"""What reading a body raises that is not as documented."""
WORKING = frozenset(
    {
        *("new", "accepted", "pending_new", "accepted_for_bidding", "held", "pending_cancel", "pending_replace"),
        *("stopped", "suspended", "calculated", "done_for_day", "partially_filled", "pending_review"),
    }
)
"""Of an order that may still be executed; `done_for_day` and `calculated` become final when the day is accounted."""
ENDED = frozenset({"filled", "canceled", "expired"})
TYPES = {Decimal(1): "limited margin", Decimal(2): "margin", Decimal(4): "pattern day trader"}
"""`multiplier` of an account -> what kind of account it is; another one is not named."""


@dataclass(frozen=True, slots=True)
class MarketClock:
    """Whether US stocks trade, and for how many seconds that stays so."""

    is_open: bool
    seconds: float


def report(body: Any, order: OrderRequest) -> OrderReport:
    """An order as it stands. Raises ValueError where it is another order, or in a state that only a person can read.

    Alpaca tells the sum of an order's executions and not each of them: they become one fill when the order has ended,
    named by the order. Until then nothing counts as filled, or a part would be counted twice.
    """
    if body["client_order_id"] != order.client_order_id:
        raise ValueError("the answer is about another order")
    state = _state(body["status"], number(body["filled_qty"]), order.quantity)
    filled = number(body["filled_qty"]) if state in {OrderState.FILLED, OrderState.PARTIALLY_FILLED} else Decimal(0)
    price = number(body["filled_avg_price"]) if filled else None
    at = body["filled_at"] or body["updated_at"]
    fills = (Fill(body["id"], filled, price, _time(at)),) if price is not None else ()
    reason = "Alpaca rejected the order and does not say why." if state is OrderState.REJECTED else None
    return OrderReport(
        ClientOrderId(body["client_order_id"]), BrokerOrderId(body["id"]), state, filled, price, fills, reason=reason
    )


def _state(status: str, filled: Decimal, wanted: Decimal) -> OrderState:
    if status in WORKING:
        return OrderState.ACCEPTED
    if status == "rejected":
        return OrderState.REJECTED
    if status not in ENDED:
        raise ValueError(f"the order is {status}, which a person must look at")
    if filled == 0:
        return OrderState.CANCELLED
    return OrderState.FILLED if filled >= wanted else OrderState.PARTIALLY_FILLED


def order_body(order: OrderRequest, quantity: Decimal, crypto: bool) -> dict[str, str]:
    """A market order. `position_intent` keeps an open from eating what another strategy holds, a close from opening.

    Crypto is sent as immediate-or-cancel and stocks for the day: nothing is left to be executed tomorrow.
    """
    side = "buy" if order.side is Direction.BUY else "sell"
    return {
        "symbol": order.symbol,
        "qty": f"{quantity:f}",
        "side": side,
        "type": "market",
        "time_in_force": "ioc" if crypto else "day",
        "client_order_id": order.client_order_id,
        "position_intent": f"{side}_to_{'open' if order.leg is Leg.OPEN else 'close'}",
    }


def market_clock(body: Any) -> MarketClock:
    """The clock of the US stock market; it knows holidays and short days."""
    is_open: bool = body["is_open"]
    change = body["next_close"] if is_open else body["next_open"]
    return MarketClock(is_open, (_time(change) - _time(body["timestamp"])).total_seconds())


def summary(body: Any) -> AccountSummary:
    """`available` is the account's own money that is not bound: the buying power without what is lent on it.

    Buying power is that money times `multiplier`, which also names the account's type (docs.alpaca.markets, "Account").
    """
    power, multiplier = number(body["buying_power"]), number(body["multiplier"])
    available = power / max(Decimal(1), multiplier)
    return AccountSummary(body["currency"], number(body["cash"]), available, TYPES.get(multiplier))


def available(body: Any) -> Decimal:
    """How much of a position no order holds."""
    return abs(number(body["qty_available"]))


def position(body: Any, symbol: str) -> BrokerPosition:
    """A position; a short one has a negative quantity."""
    quantity = abs(number(body["qty"]))
    return BrokerPosition(symbol, -quantity if body["side"] == "short" else quantity)


def rows(body: Any) -> list[Mapping[str, Any]]:
    """A list and nothing else: an empty object must not pass for an account that holds nothing."""
    if not isinstance(body, list):
        raise TypeError("the answer is no list")
    return body


def number(text: object) -> Decimal:
    """Exact. Raises TypeError or ValueError for what is no number."""
    if isinstance(text, bool) or not isinstance(text, str | int | Decimal):
        raise TypeError(f"{text!r} is no number")
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(f"{text!r} is no number")
    return number


def _time(text: str) -> datetime:
    """An instant; nanoseconds are cut to microseconds. Raises ValueError for a time without its zone."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return at
