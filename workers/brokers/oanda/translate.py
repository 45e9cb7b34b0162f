"""OANDA's JSON in our values. Pure; numbers are strings on the wire and Decimal here.

Every function raises KeyError, TypeError, ValueError or ArithmeticError for JSON that is not what OANDA documents
(developer.oanda.com, definitions of accounts, trades and transactions); `BAD_JSON` names them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from shared.accounts.instrument import Instrument
from shared.domain import EXACT, BrokerOrderId, OrderState
from workers.brokers.base import AccountSummary, BrokerPosition, Fill, OrderReport, OrderRequest
from workers.brokers.odd_rows import readable

BAD_JSON = (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError)
Json = Mapping[str, Any]


def instrument(row: Json) -> Instrument:
    """One row of the account's own list. The ticker is OANDA's name without the underscore: nothing is guessed.

    Limits are in units; a maximum of "0" means that there is none.
    """
    name, maximum = str(row["name"]), number(row["maximumOrderUnits"])
    return Instrument(
        ticker=name.replace("_", ""),
        symbol=name,
        minimum=number(row["minimumTradeSize"]),
        maximum=maximum or None,
        step=Decimal(1).scaleb(-int(row["tradeUnitsPrecision"])),
        currency=name.rpartition("_")[2],
    )


def summary(account: Json) -> AccountSummary:
    """Cash and free margin, in the account's home currency."""
    return AccountSummary(str(account["currency"]), number(account["balance"]), number(account["marginAvailable"]))


def positions(rows: Sequence[Json]) -> list[BrokerPosition]:
    """The net of each instrument: a hedging account shows both sides, the short one with negative units."""
    return [each for each in readable(rows, _position, lambda row: row["instrument"]) if each.quantity]


def _position(row: Json) -> BrokerPosition:
    return BrokerPosition(str(row["instrument"]), number(row["long"]["units"]) + number(row["short"]["units"]))


def is_tradeable(prices: Sequence[Json]) -> bool:
    """What the price of an instrument says of its market: newer answers have a flag, older ones a word."""
    price = prices[0]
    return bool(price["tradeable"]) if "tradeable" in price else price["status"] == "tradeable"


def filled(order: OrderRequest, fill: Json) -> OrderReport:
    """The report of an order that an ORDER_FILL transaction has filled.

    The trade of an open leg is what a close leg will have to name. A trade may have been reduced by somebody else's
    hand before we closed it; then less than asked for was closed.
    """
    quantity, price = abs(number(fill["units"])), _price(fill)
    opened = fill.get("tradeOpened")
    complete = quantity >= order.quantity
    return OrderReport(
        client_order_id=order.client_order_id,
        broker_order_id=BrokerOrderId(str(fill["orderID"])),
        state=OrderState.FILLED if complete else OrderState.PARTIALLY_FILLED,
        filled_quantity=quantity,
        average_price=price,
        fills=() if price is None else (Fill(str(fill["id"]), quantity, price, moment(fill["time"])),),
        trade_id=str(opened["tradeID"]) if opened else None,
    )


def _price(fill: Json) -> Decimal | None:
    """At what an order was filled. None where OANDA tells no price: what was filled counts all the same.

    `price` of the whole is deprecated. The trade that the fill opened, reduced or closed has the exact one, and
    `fullVWAP` is that of all units (OANDA's v20 Swagger, OrderFillTransaction, read 2026-12-01).
    """
    trades = [fill.get("tradeOpened"), fill.get("tradeReduced"), *(fill.get("tradesClosed") or [])]
    told = [*(trade.get("price") for trade in trades if trade), fill.get("fullVWAP"), fill.get("price")]
    return next((number(each) for each in told if each is not None), None)


def number(text: object) -> Decimal:
    """A number that OANDA writes as a string. Raises ValueError for anything that is no finite number."""
    if not isinstance(text, str) or not (value := Decimal(text)).is_finite():
        raise ValueError(f"{text!r} is no number in a string")
    return value


def units(quantity: Decimal) -> str:
    """Signed units as OANDA reads them: plain notation, no more decimals than there are."""
    return f"{EXACT.normalize(quantity):f}"


def moment(text: object) -> datetime:
    """A time in RFC 3339 with nanoseconds; the last three digits are beyond what Python keeps."""
    whole, _, fraction = str(text).removesuffix("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{(fraction + '000000')[:6]}+00:00")
