"""What a broker says about one order. Values only."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.domain import BrokerOrderId, ClientOrderId, ErrorType, OrderState
from shared.redaction import redact


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

    def __post_init__(self) -> None:
        """The reason is the broker's own, who may echo what it was sent."""
        if self.reason is not None:
            object.__setattr__(self, "reason", redact(self.reason))


def known_to_broker(client_order_id: ClientOrderId, reason: str) -> OrderReport:
    """The report of an order of which the broker says only that it has one under this id, in these words.

    That is a proof that the order is there, and that it must not be sent again; what became of it, look-ups tell. As an
    unknown outcome it was once proven absent by a look-up that could not see it, sent again, refused again, for ever.
    """
    return OrderReport(client_order_id, None, OrderState.ACCEPTED, Decimal(0), None, reason=reason)
