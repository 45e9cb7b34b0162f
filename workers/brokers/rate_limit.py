"""A rate limiter: a Broker around a Broker that keeps its calls within the limit, exits before entries."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from shared.accounts.instrument import Instrument
from shared.domain import Leg
from shared.ledger.reports import OrderReport
from workers.brokers import retry_after
from workers.brokers.base import (
    AccountSummary,
    Broker,
    BrokerPosition,
    BrokerUnavailable,
    Capabilities,
    OrderRequest,
    RateLimit,
    Withheld,
)
from workers.brokers.request_counter import LONGEST_SECONDS, RequestCounter
from workers.brokers.retry_after import RequestedPause

_Told = TypeVar("_Told")


class RateLimitedBroker:
    """The same broker; a call beyond its rate limit is not sent, and raises BrokerUnavailable.

    A broker that answers one call with 429 is left alone by every worker, for its Retry-After or a default, also where
    its adapter went on without that call's answer. `own`: the requests a minute that the account's settings allow
    besides what the adapter declares, so that a setting only lowers the limit.
    """

    def __init__(self, broker: Broker, counter: RequestCounter, account: str, own: int | None = None) -> None:
        self._broker, self._counter, self._account, self._own = broker, counter, account, own

    @property
    def capabilities(self) -> Capabilities:
        """Those of the broker; a submit may wait before it is sent, and leases count with that."""
        told = self._broker.capabilities
        budgets = self._budgets(told.rate_limit)
        return replace(told, deadline_seconds=told.deadline_seconds + len(budgets) * LONGEST_SECONDS)

    def instruments(self) -> Sequence[Instrument]:
        return self._call(self._broker.instruments)

    def account(self) -> AccountSummary:
        return self._call(self._broker.account)

    def is_open(self, symbol: str, at: datetime) -> bool:
        return self._call(lambda: self._broker.is_open(symbol, at))

    def mark(self) -> str | None:
        """Costs nothing where the broker has no marks: nobody is asked."""
        return self._call(self._broker.mark) if self._broker.capabilities.marks else None

    def submit(self, order: OrderRequest) -> OrderReport:
        return self._call(lambda: self._broker.submit(order), sends=True, entry=order.leg is Leg.OPEN)

    def find(self, order: OrderRequest) -> OrderReport | None:
        return self._call(lambda: self._broker.find(order))

    def positions(self) -> Sequence[BrokerPosition]:
        return self._call(self._broker.positions)

    def close(self) -> None:
        self._broker.close()

    def _call(self, call: Callable[[], _Told], sends: bool = False, entry: bool = False) -> _Told:
        budgets = self._budgets(self._broker.capabilities.rate_limit)
        for rate_limit in budgets:
            self._counter.spend(self._account, rate_limit, rate_limit.submit if sends else 1, entry)
        with retry_after.collecting_pauses() as heard:
            try:
                return call()
            except BrokerUnavailable as unavailable:
                if not isinstance(unavailable, Withheld) and unavailable.retry_after is not None:
                    heard.asked(unavailable.retry_after)
                raise
            finally:
                self._heed(heard, budgets)

    def _heed(self, heard: RequestedPause, budgets: Sequence[RateLimit]) -> None:
        """Where no time was named, what is used up is free again after the time by which the broker counts."""
        unnamed = float(budgets[-1].seconds) if budgets and heard.unnamed else 0.0
        seconds = max(heard.seconds, unnamed)
        if budgets and seconds > 0:
            self._counter.hold(self._account, seconds)

    def _budgets(self, declared: RateLimit | None) -> Sequence[RateLimit]:
        """All that are kept, the account's own first: what it refuses uses nothing of the other up."""
        if self._own is None:
            return () if declared is None else (declared,)
        own = RateLimit(self._own, 60, declared.submit if declared is not None else 1)
        return (own,) if declared in {None, own} else (own, declared)
