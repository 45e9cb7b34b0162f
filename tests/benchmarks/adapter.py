"""The broker of both sides: `tests.benchmarks.adapter:make` notes each call and answers at once, or after a latency.

`make_paper` notes each call and hands it to the paper broker.
"""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from shared.accounts.instrument import Instrument, TradingHours
from shared.domain import BrokerOrderId, OrderState
from tests.benchmarks.calls import Calls, Pen
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
)
from workers.brokers.registry import make_broker

TICKER = "BTCUSD"
DEADLINE_SECONDS = 10.0
ALWAYS = TradingHours(((0, 7 * 24 * 60),))
PRICE = Decimal(100)


def make(settings: Mapping[str, str]) -> Broker:
    """Fills every order after `latency_ms`; notes each in the file `calls`."""
    return InstantBroker(Path(settings["calls"]), float(settings.get("latency_ms", "0")) / 1000)


def make_paper(settings: Mapping[str, str]) -> Broker:
    """The paper broker, each of whose submits is noted in the file `calls`; the other settings are its own."""
    own = {name: value for name, value in settings.items() if name not in {"calls", "account"}}
    return NotedBroker(make_broker("paper", own, settings["account"]), Pen(Path(settings["calls"])))


class InstantBroker:
    """Fills whatever it is sent. What it was sent stands in the file, and nowhere else."""

    def __init__(self, path: Path, latency: float) -> None:
        self._path = path
        self._pen = Pen(path)
        self._latency = latency
        self.capabilities = Capabilities(Dedupe.LIFETIME, True, 0.0, DEADLINE_SECONDS)

    def instruments(self) -> Sequence[Instrument]:
        one = Decimal(1)
        return [Instrument(TICKER, TICKER, one, None, one, "USD", hours=ALWAYS)]

    def account(self) -> AccountSummary:
        return AccountSummary("USD", Decimal(10**9), Decimal(10**9))

    def is_open(self, symbol: str, at: datetime) -> bool:
        return True

    def mark(self) -> str | None:
        return None

    def submit(self, order: OrderRequest) -> OrderReport:
        self._pen.note(order)
        if self._latency:
            time.sleep(self._latency)  # the broker's latency is what is simulated here
        return _filled(order)

    def find(self, order: OrderRequest) -> OrderReport | None:
        known = {call.client_order_id for call in Calls(self._path).new()}
        return _filled(order) if order.client_order_id in known else None

    def positions(self) -> Sequence[BrokerPosition]:
        """No process knows what the others have sent: a reconciliation says that it could not look."""
        raise BrokerUnavailable("The broker of the benchmark keeps no positions.")

    def close(self) -> None:
        self._pen.close()


class NotedBroker:
    """Any broker, whose submits are noted before they are made."""

    def __init__(self, inner: Broker, pen: Pen) -> None:
        self._inner = inner
        self._pen = pen

    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities

    def instruments(self) -> Sequence[Instrument]:
        return self._inner.instruments()

    def account(self) -> AccountSummary:
        return self._inner.account()

    def is_open(self, symbol: str, at: datetime) -> bool:
        return self._inner.is_open(symbol, at)

    def mark(self) -> str | None:
        return self._inner.mark()

    def submit(self, order: OrderRequest) -> OrderReport:
        self._pen.note(order)
        return self._inner.submit(order)

    def find(self, order: OrderRequest) -> OrderReport | None:
        return self._inner.find(order)

    def positions(self) -> Sequence[BrokerPosition]:
        return self._inner.positions()

    def close(self) -> None:
        self._inner.close()
        self._pen.close()


def _filled(order: OrderRequest) -> OrderReport:
    fill = Fill(f"{order.client_order_id}-1", order.quantity, PRICE, datetime.now(UTC))
    return OrderReport(
        client_order_id=order.client_order_id,
        broker_order_id=BrokerOrderId(f"b-{order.client_order_id}"),
        state=OrderState.FILLED,
        filled_quantity=order.quantity,
        average_price=PRICE,
        fills=(fill,),
    )
