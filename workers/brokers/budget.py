"""Keeps the calls to a broker within its budget, exits before entries: a Broker around a Broker."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from shared.domain import Instrument, Leg
from shared.reports import OrderReport
from workers.brokers.base import (
    AccountSummary,
    Broker,
    BrokerPosition,
    BrokerUnavailable,
    Capabilities,
    OrderRequest,
)
from workers.brokers.meter import MOST_WAIT_SECONDS, Meter

_Told = TypeVar("_Told")


class Budgeted:
    """The same broker; what is beyond its budget is not sent, and raises BrokerUnavailable.

    A broker that asks for patience with one call (429 with Retry-After) gets it from every worker.
    """

    def __init__(self, broker: Broker, meter: Meter, account: str) -> None:
        self._broker, self._meter, self._account = broker, meter, account

    @property
    def capabilities(self) -> Capabilities:
        """Those of the broker; a submit may wait before it is sent, and leases count with that."""
        told = self._broker.capabilities
        if told.budget is None:
            return told
        return replace(told, deadline_seconds=told.deadline_seconds + MOST_WAIT_SECONDS)

    def instruments(self) -> Sequence[Instrument]:
        return self._call(self._broker.instruments)

    def account(self) -> AccountSummary:
        return self._call(self._broker.account)

    def is_open(self, symbol: str, at: datetime) -> bool:
        return self._call(lambda: self._broker.is_open(symbol, at))

    def mark(self) -> str | None:
        return self._call(self._broker.mark)

    def submit(self, order: OrderRequest) -> OrderReport:
        budget = self._broker.capabilities.budget
        requests = budget.submit if budget is not None else 1
        return self._call(lambda: self._broker.submit(order), requests, entry=order.leg is Leg.OPEN)

    def find(self, order: OrderRequest) -> OrderReport | None:
        return self._call(lambda: self._broker.find(order))

    def positions(self) -> Sequence[BrokerPosition]:
        return self._call(self._broker.positions)

    def close(self) -> None:
        self._broker.close()

    def _call(self, call: Callable[[], _Told], requests: int = 1, entry: bool = False) -> _Told:
        budget = self._broker.capabilities.budget
        if budget is None:
            return call()
        self._meter.spend(self._account, budget, requests, entry)
        try:
            return call()
        except BrokerUnavailable as unavailable:
            if unavailable.retry_after is not None:
                self._meter.hold(self._account, unavailable.retry_after)
            raise
