"""The adapter of the chaos broker: `accounts create NAME --broker tests.chaos.adapter:make --setting url=...`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import httpx

from shared.accounts.instrument import Instrument, TradingHours
from shared.domain import BrokerOrderId, ClientOrderId, OrderState
from tests.chaos import books
from workers.brokers.base import (
    AccountSummary,
    Broker,
    BrokerPosition,
    BrokerUnavailable,
    Capabilities,
    Dedupe,
    Fill,
    OrderReport,
    OrderRequest,
    OutcomeUnknown,
)

TIMEOUT = httpx.Timeout(connect=0.8, read=1.5, write=0.4, pool=0.3)
DEADLINE_SECONDS = 3.0  # the sum of the above
SETTLE_SECONDS = 3.0  # a look-up lags by 1.5 seconds, and a slow server takes an order 3 seconds after it was sent
NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
ALWAYS = TradingHours(((0, 7 * 24 * 60),))


def make(settings: Mapping[str, str]) -> Broker:
    """The broker at the setting `url`. `dedupe` is what its server was told. Raises ValueError for an odd setting."""
    if "url" not in settings:
        raise ValueError("The setting `url` is missing: where the chaos broker listens.")
    return ChaosBroker(settings["url"], settings["account"], Dedupe(settings.get("dedupe", "lifetime")))


class ChaosBroker:
    """One account at the chaos broker. One attempt a call, and no more is claimed than the answer proves."""

    def __init__(self, url: str, account: str, dedupe: Dedupe) -> None:
        self._account = account
        self._client = httpx.Client(base_url=url, timeout=TIMEOUT, trust_env=False)
        self._capabilities = Capabilities(dedupe, True, SETTLE_SECONDS, DEADLINE_SECONDS)

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    def instruments(self) -> Sequence[Instrument]:
        one = Decimal(1)
        symbols = self._ask("/symbols").json()
        return [Instrument(name, name, one, None, one, "USD", hours=ALWAYS) for name in symbols]

    def account(self) -> AccountSummary:
        return AccountSummary("USD", Decimal(10**9), Decimal(10**9))

    def is_open(self, symbol: str, at: datetime) -> bool:
        return True

    def mark(self) -> str | None:
        return None

    def submit(self, order: OrderRequest) -> OrderReport:
        """201 and the duplicate's 409 carry the order. What may have arrived and was not answered so is unknown."""
        try:
            response = self._client.post("/orders", json=_members(self._account, order))
        except NEVER_SENT as error:
            raise BrokerUnavailable(f"No connection: {type(error).__name__}.") from error
        except httpx.HTTPError as error:
            raise OutcomeUnknown(f"No answer: {type(error).__name__}.") from error
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
            raise BrokerUnavailable("Throttled.", float(response.headers["retry-after"]))
        if response.status_code not in {httpx.codes.CREATED, httpx.codes.CONFLICT}:
            raise OutcomeUnknown(f"Answered {response.status_code}.")
        return _report(response.json())

    def find(self, order: OrderRequest) -> OrderReport | None:
        response = self._ask(f"/orders/{order.client_order_id}", missing=True)
        return None if response.status_code == httpx.codes.NOT_FOUND else _report(response.json())

    def positions(self) -> Sequence[BrokerPosition]:
        net = self._ask("/positions").json()
        return [BrokerPosition(symbol, Decimal(quantity)) for symbol, quantity in net.items()]

    def close(self) -> None:
        self._client.close()

    def _ask(self, path: str, missing: bool = False) -> httpx.Response:
        """A question, which changes nothing at the broker: where it fails, nothing is known and nothing is lost."""
        try:
            response = self._client.get(path, params={"account": self._account})
        except httpx.HTTPError as error:
            raise BrokerUnavailable(f"No answer: {type(error).__name__}.") from error
        if response.status_code == httpx.codes.OK or (missing and response.status_code == httpx.codes.NOT_FOUND):
            return response
        raise BrokerUnavailable(f"Answered {response.status_code}.")


def _members(account: str, order: OrderRequest) -> dict[str, str]:
    return {
        "account": account,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side,
        "quantity": format(order.quantity, "f"),
        "leg": order.leg,
        "strategy_id": order.strategy_id,
        "proquant_position_id": order.proquant_position_id,
    }


def _report(members: Mapping[str, Any]) -> OrderReport:
    booked = books.from_json(members)
    return OrderReport(
        client_order_id=ClientOrderId(booked.client_order_id),
        broker_order_id=BrokerOrderId(booked.broker_order_id),
        state=OrderState.FILLED,
        filled_quantity=booked.quantity,
        average_price=booked.price,
        fills=(Fill(f"{booked.broker_order_id}-1", booked.quantity, booked.price, booked.accepted_at),),
    )
