"""What a broker says about one order. Values only."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain import BrokerOrderId, ClientOrderId, ErrorType, OrderState


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `fill_id` is unique within the account at the broker, so that a fill is never counted twice."""

    fill_id: str
    quantity: Decimal
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class OrderReport:
    """The broker's answer about one order.

    `state` is one of accepted (still working), filled, partially_filled (final), cancelled (final, nothing filled),
    rejected (final; with `error` and `reason`: a look-up may find an order that the broker has refused).
    """

    client_order_id: ClientOrderId
    broker_order_id: BrokerOrderId | None
    state: OrderState
    filled_quantity: Decimal
    average_price: Decimal | None
    fills: tuple[Fill, ...] = ()
    trade_id: str | None = None
    error: ErrorType | None = None
    reason: str | None = None
