"""The JSON of the REST contract as our values, and back. Pure; numbers are strings and stay exact.

Source: docs/brokers/http-openapi.yaml. Every reader raises ValueError for what the contract does not allow.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, TypeVar

from shared.accounts.instrument import Instrument, TradingHours
from shared.domain import BrokerOrderId, ClientOrderId, ErrorType, OrderState
from workers.brokers.base import (
    AccountSummary,
    BrokerPosition,
    Capabilities,
    Dedupe,
    Fill,
    OrderReport,
    OrderRequest,
)
from workers.brokers.odd_rows import note_odd_row, readable
from workers.brokers.rest.errors import OTHER

Json = Mapping[str, object]
REPORTED = frozenset(OrderState) - {OrderState.PLANNED, OrderState.SUBMITTING, OrderState.UNKNOWN}
WEEK_MINUTES = 7 * 24 * 60
_NUMBER = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)
_Value = TypeVar("_Value")


def capabilities(body: object, deadline_seconds: float) -> Capabilities:
    """What the far end promises; the deadline is the adapter's own."""
    fields = mapping(body)
    return Capabilities(
        dedupe=Dedupe(text(fields, "dedupe")),
        nets_positions=flag(fields, "nets_positions"),
        settle_seconds=float(positive(fields, "settle_seconds")),
        deadline_seconds=deadline_seconds,
        opposite_sides=flag(fields, "opposite_sides") if "opposite_sides" in fields else True,
        marks=flag(fields, "marks") if "marks" in fields else True,
    )


def instruments(body: object) -> list[Instrument]:
    """The instruments, without those that cannot be read.

    Of one ticker or symbol that is there twice all rows are left out: orders for it would be ambiguous.
    """
    listed = readable(rows(body, "instruments"), lambda row: _instrument(mapping(row)), lambda row: row["ticker"])
    for name in ("ticker", "symbol"):
        often = Counter(getattr(one, name) for one in listed)
        for twice in (word for word, times in often.items() if times > 1):
            note_odd_row(twice, f"this {name} is listed twice")
        listed = [one for one in listed if often[getattr(one, name)] == 1]
        if often and not listed:
            raise ValueError(f"every {name} is listed twice")
    return listed


def account(body: object) -> AccountSummary:
    """The account's cash."""
    fields = mapping(body)
    return AccountSummary(text(fields, "currency"), number(fields, "balance"), number(fields, "available"))


def positions(body: object) -> list[BrokerPosition]:
    """The net positions, without those that cannot be read."""
    return readable(rows(body, "positions"), lambda row: _position(mapping(row)), lambda row: row["symbol"])


def report(body: object, sent: ClientOrderId) -> OrderReport:
    """The report of the order `sent`; one about another order is an error."""
    fields = mapping(body)
    if fields.get("client_order_id") != sent:
        raise ValueError("the report is about another order")
    state = OrderState(text(fields, "state"))
    if state not in REPORTED:
        raise ValueError(f"{state} is no state of a broker's order")
    broker_order_id = optional(fields, "broker_order_id", text)
    return OrderReport(
        client_order_id=sent,
        broker_order_id=None if broker_order_id is None else BrokerOrderId(broker_order_id),
        state=state,
        filled_quantity=positive(fields, "filled_quantity"),
        average_price=optional(fields, "average_price", number),
        fills=tuple(each(fields, "fills", _fill)) if "fills" in fields else (),
        trade_id=optional(fields, "trade_id", text),
        error=optional(fields, "error", _error_type),
        reason=optional(fields, "reason", text),
    )


def order(request: OrderRequest) -> dict[str, object]:
    """The body of the PUT."""
    body: dict[str, object] = {
        "symbol": request.symbol,
        "side": request.side,
        "quantity": f"{request.quantity:f}",
        "leg": request.leg,
        "strategy_id": request.strategy_id,
        "proquant_position_id": request.proquant_position_id,
    }
    if request.mark is not None:
        body["mark"] = request.mark
    if (opening := request.opening) is not None:
        ids = {
            "client_order_id": opening.client_order_id,
            "broker_order_id": opening.broker_order_id,
            "trade_id": opening.trade_id,
        }
        body["opening"] = {name: value for name, value in ids.items() if value is not None}
    return body


def mapping(value: object) -> Json:
    """A JSON object."""
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one error for every odd answer
    return value


def flag(fields: Json, name: str) -> bool:
    """True or false."""
    value = fields.get(name)
    if not isinstance(value, bool):
        raise ValueError(f"{name} is not true or false")  # noqa: TRY004 - as above
    return value


def text(fields: Json, name: str) -> str:
    """A text that is there and not empty."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is no text")
    return value


def number(fields: Json, name: str) -> Decimal:
    """A number in plain decimal notation, as a string."""
    value = fields.get(name)
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        raise ValueError(f"{name} is no number as a string")
    return Decimal(value)


def positive(fields: Json, name: str) -> Decimal:
    """A number that is not below zero."""
    value = number(fields, name)
    if value < 0:
        raise ValueError(f"{name} is below zero")
    return value


def optional(fields: Json, name: str, read: Callable[[Json, str], _Value]) -> _Value | None:
    """What `read` reads; None where it is null or not there."""
    return None if fields.get(name) is None else read(fields, name)


def each(body: object, name: str, read: Callable[[Json], _Value]) -> list[_Value]:
    """What `read` makes of each object in a list."""
    return [read(mapping(one)) for one in rows(body, name)]


def rows(body: object, name: str) -> list[Any]:
    """A list, whatever is in it."""
    listed = mapping(body).get(name)
    if not isinstance(listed, list):
        raise ValueError(f"{name} is no list")  # noqa: TRY004 - as above
    return listed


def _position(fields: Json) -> BrokerPosition:
    return BrokerPosition(text(fields, "symbol"), number(fields, "quantity"))


def _instrument(fields: Json) -> Instrument:
    step, shortable = positive(fields, "step"), flag(fields, "shortable") if "shortable" in fields else True
    if step == 0:
        raise ValueError("an instrument has a step of zero")
    return Instrument(
        text(fields, "ticker"), text(fields, "symbol"), positive(fields, "minimum"),
        optional(fields, "maximum", positive), step, text(fields, "currency"), shortable,
        optional(fields, "hours", _hours),
    )  # fmt: skip


def _hours(fields: Json, name: str) -> TradingHours:
    sessions = fields[name]
    if not isinstance(sessions, list) or not all(_is_session(each) for each in sessions):
        raise ValueError(f"{name} is no list of sessions in minutes of a week")
    return TradingHours(tuple((start, end) for start, end in sessions))


def _is_session(value: object) -> bool:
    """From a minute of the week to a later one; over its end, but never longer than a week."""
    if not isinstance(value, list) or len(value) != 2:
        return False
    start, end = value
    if type(start) is not int or type(end) is not int:
        return False
    return 0 <= start < WEEK_MINUTES and start < end <= start + WEEK_MINUTES


def _fill(fields: Json) -> Fill:
    return Fill(text(fields, "fill_id"), positive(fields, "quantity"), number(fields, "price"), _time(fields, "at"))


def _time(fields: Json, name: str) -> datetime:
    at = datetime.fromisoformat(text(fields, name))
    if at.tzinfo is None:
        raise ValueError(f"{name} has no zone")
    return at.astimezone(UTC)


def _error_type(fields: Json, name: str) -> ErrorType | None:
    word = text(fields, name)
    return None if word == OTHER else ErrorType(word)
