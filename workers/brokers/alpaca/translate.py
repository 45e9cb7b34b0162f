"""Alpaca's JSON as our values. Pure: each function raises one of ODD for a body that is not what is documented.

Alpaca writes quantities and money as strings (docs.alpaca.markets, "Orders at Alpaca", "Assets", "Positions",
"Account", "Clock"); whatever a number looks like, it becomes a Decimal without a float in between.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.domain import BrokerOrderId, ClientOrderId, Direction, Instrument, Leg, OrderState
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
LARGEST = Decimal("1e9")
"""Our own cap, in units: Alpaca publishes no maximum, and nothing it lists is traded a thousand million at a time."""
SHARE_STEP = Decimal("1e-9")
"""Of a fractionable stock: up to nine decimals (docs.alpaca.markets, "Fractional Trading")."""


@dataclass(frozen=True, slots=True)
class Asset:
    """What may be known of a symbol without an account. `tradable` False: it may still be closed."""

    id: str
    instrument: Instrument
    crypto: bool
    tradable: bool


@dataclass(frozen=True, slots=True)
class MarketClock:
    """Whether US stocks trade, and for how many seconds that stays so."""

    is_open: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Permissions:
    """What an account may trade beyond buying stocks."""

    crypto: bool
    shorting: bool


def asset(body: Any) -> Asset:
    """A stock or a pair. A ticker is the symbol without its slash: BTC/USD is ProQuant's BTCUSD."""
    crypto = body["class"] == "crypto"
    if not crypto and body["class"] != "us_equity":
        raise ValueError(f"{body['class']} is no class that is traded here")
    step = _crypto_step(body) if crypto else SHARE_STEP if body["fractionable"] else Decimal(1)
    symbol: str = body["symbol"]
    instrument = Instrument(
        ticker=symbol.replace("/", ""),
        symbol=symbol,
        minimum=_number(body["min_order_size"]) if crypto else step,
        maximum=LARGEST,
        step=step,
        currency=symbol.rpartition("/")[2] if crypto else "USD",
        shortable=bool(body["shortable"]) and not crypto,
    )
    return Asset(body["id"], instrument, crypto, bool(body["tradable"]) and body["status"] == "active")


def _crypto_step(body: Any) -> Decimal:
    return _number(body["min_trade_increment"])


def report(body: Any, order: OrderRequest) -> OrderReport:
    """An order as it stands. Raises ValueError where it is another order, or in a state that only a person can read.

    Alpaca tells the sum of an order's executions and not each of them: they become one fill when the order has ended,
    named by the order. Until then nothing counts as filled, or a part would be counted twice.
    """
    if body["client_order_id"] != order.client_order_id:
        raise ValueError("the answer is about another order")
    state = _state(body["status"], _number(body["filled_qty"]), order.quantity)
    filled = _number(body["filled_qty"]) if state in {OrderState.FILLED, OrderState.PARTIALLY_FILLED} else Decimal(0)
    price = _number(body["filled_avg_price"]) if filled else None
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

    Buying power is that money times `multiplier` (docs.alpaca.markets, "Account").
    """
    power, multiplier = _number(body["buying_power"]), _number(body["multiplier"])
    return AccountSummary(body["currency"], _number(body["cash"]), power / max(Decimal(1), multiplier))


def permissions(body: Any) -> Permissions:
    """From the account."""
    return Permissions(body.get("crypto_status") == "ACTIVE", bool(body["shorting_enabled"]))


def available(body: Any) -> Decimal:
    """How much of a position no order holds."""
    return abs(_number(body["qty_available"]))


def position(body: Any, symbol: str) -> BrokerPosition:
    """A position; a short one has a negative quantity."""
    quantity = abs(_number(body["qty"]))
    return BrokerPosition(symbol, -quantity if body["side"] == "short" else quantity)


def instruments(assets: Iterable[Asset], may: Permissions) -> list[Instrument]:
    """What this account may open now. Two symbols of one ticker are both left out: there is no telling them apart."""
    allowed: dict[str, list[Instrument]] = {}
    for each in assets:
        if each.tradable and (may.crypto or not each.crypto):
            allowed.setdefault(each.instrument.ticker, []).append(_as_allowed(each.instrument, may))
    return [found[0] for found in allowed.values() if len(found) == 1]


def _as_allowed(instrument: Instrument, may: Permissions) -> Instrument:
    if may.shorting or not instrument.shortable:
        return instrument
    return Instrument(
        instrument.ticker,
        instrument.symbol,
        instrument.minimum,
        instrument.maximum,
        instrument.step,
        instrument.currency,
        shortable=False,
    )


def assets(body: Iterable[Mapping[str, object]]) -> list[Asset]:
    """The stocks and pairs of a list; other classes (options) are passed over."""
    return [asset(each) for each in body if each["class"] in {"us_equity", "crypto"}]


def _number(text: object) -> Decimal:
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
