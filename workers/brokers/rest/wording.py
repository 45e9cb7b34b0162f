"""Our values as the JSON of the REST contract: what a far end answers. Pure.

Source: docs/brokers/http-openapi.yaml.
"""

from decimal import Decimal

from shared.accounts.instrument import Instrument
from shared.domain import ErrorType
from workers.brokers.base import AccountSummary, BrokerPosition, Capabilities, Fill, OrderReport
from workers.brokers.rest.errors import OTHER

STATUS: dict[ErrorType | None, int] = {
    ErrorType.INVALID_CREDENTIALS: 401,
    ErrorType.MARKET_CLOSED: 409,
    ErrorType.POSITION_ALREADY_EXISTS: 409,
    ErrorType.POSITION_NOT_FOUND: 409,
}
"""The status of a refusal; 422 for every type that is not in here."""


def plain(number: Decimal) -> str:
    """The number in plain decimal notation, with nothing lost."""
    return f"{number:f}"


def capabilities(promised: Capabilities) -> dict[str, object]:
    """The schema Capabilities."""
    return {
        "dedupe": promised.dedupe,
        "nets_positions": promised.nets_positions,
        "opposite_sides": promised.opposite_sides,
        "settle_seconds": plain(Decimal(str(promised.settle_seconds))),
        "marks": promised.marks,
    }


def instrument(each: Instrument) -> dict[str, object]:
    """The schema Instrument."""
    return {
        "ticker": each.ticker,
        "symbol": each.symbol,
        "minimum": plain(each.minimum),
        "maximum": None if each.maximum is None else plain(each.maximum),
        "step": plain(each.step),
        "currency": each.currency,
        "shortable": each.shortable,
        "hours": None if each.hours is None else [list(session) for session in each.hours.sessions],
    }


def account(summary: AccountSummary) -> dict[str, object]:
    """The schema Account."""
    return {
        "currency": summary.currency,
        "balance": plain(summary.balance),
        "available": plain(summary.available),
    }


def position(held: BrokerPosition) -> dict[str, object]:
    """The schema Position."""
    return {"symbol": held.symbol, "quantity": plain(held.quantity)}


def report(about: OrderReport) -> dict[str, object]:
    """The schema Report; a refusal that no word fits is `other`."""
    refused = about.state == "rejected"
    return {
        "client_order_id": about.client_order_id,
        "broker_order_id": about.broker_order_id,
        "state": about.state,
        "filled_quantity": plain(about.filled_quantity),
        "average_price": None if about.average_price is None else plain(about.average_price),
        "fills": [_fill(each) for each in about.fills],
        "trade_id": about.trade_id,
        "error": (about.error or OTHER) if refused else about.error,
        "reason": about.reason,
    }


def _fill(each: Fill) -> dict[str, object]:
    return {
        "fill_id": each.fill_id,
        "quantity": plain(each.quantity),
        "price": plain(each.price),
        "at": each.at.isoformat(),
    }
