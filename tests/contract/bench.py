"""Where an adapter is put to the test: the set-ups of all adapters, and the words in which the cases stage a broker.

To put a new adapter under the suite, write its bench and add it to SETUPS. Nothing else changes.
"""

import itertools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from decimal import Decimal
from types import TracebackType
from typing import Protocol, Self

from shared.domain import ClientOrderId, Direction, Leg
from workers.brokers.base import Broker, Dedupe, OrderRequest
from workers.brokers.registry import make_broker

_numbers = itertools.count(1)


class Bench(Protocol):
    """One adapter, ready to be tried. Every broker that it makes has a fresh account of its own.

    `staged` says what happens to the account's submits in order, in the words of the paper broker's script: ok,
    reject:<type or other>, unavailable:<seconds>, timeout_accepted, timeout_lost, timeout_rejected:<type>,
    partial:<fraction>, accepted, cancelled. After the last one all is ok.
    `cannot` names what this adapter's far end cannot be made to do (a staged word up to its colon), with the reason.
    """

    symbol: str
    other_symbol: str
    quantity: Decimal  # can be bought at least fifty times over
    unaffordable: Decimal  # a legal quantity that the account has no funds for
    lookup_lag: float  # seconds; the lag that `slow_broker` has
    cannot: Mapping[str, str]

    def broker(self, *staged: str) -> Broker: ...
    def slow_broker(self, *staged: str) -> Broker: ...
    def closed_market_broker(self) -> Broker: ...
    def unreachable_broker(self) -> Broker: ...


class PaperBench:
    """The paper broker, on a fresh database, with one of the four rules for repeated client order ids."""

    symbol = "XAUUSD"
    other_symbol = "EURUSD"
    quantity = Decimal(10)
    unaffordable = Decimal(4000)
    lookup_lag = 0.3
    cannot: Mapping[str, str] = {}

    def __init__(self, database_url: str, dedupe: Dedupe) -> None:
        self._settings = {"database_url": database_url, "hours": "always", "dedupe": str(dedupe)}
        self._brokers = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._brokers.close()

    def broker(self, *staged: str) -> Broker:
        return self._make(script=",".join(staged))

    def slow_broker(self, *staged: str) -> Broker:
        return self._make(script=",".join(staged), settle_seconds=str(self.lookup_lag))

    def closed_market_broker(self) -> Broker:
        return self._make(hours="closed")

    def unreachable_broker(self) -> Broker:
        return self._make(database_url="postgresql://nobody@127.0.0.1:1/nowhere")

    def _make(self, **settings: str) -> Broker:
        broker = make_broker("paper", {**self._settings, **settings}, f"account-{next(_numbers)}")
        self._brokers.callback(broker.close)
        return broker


Setup = Callable[[str], AbstractContextManager[Bench]]
"""Takes the URL of a fresh database, whether or not the adapter needs one."""


def _paper(dedupe: Dedupe) -> Setup:
    return lambda database_url: PaperBench(database_url, dedupe)


SETUPS: dict[str, Setup] = {"paper": _paper(Dedupe.LIFETIME)}
"""Every adapter, by name: each case runs on each of them."""
VARIANTS: dict[str, Setup] = {f"paper-{dedupe}": _paper(dedupe) for dedupe in Dedupe if dedupe is not Dedupe.LIFETIME}
"""The same adapters with another declared dedupe: only the cases about repeated client order ids run on them."""


def order(bench: Bench, leg: Leg = Leg.OPEN, side: Direction = Direction.BUY, **changes: object) -> OrderRequest:
    """A new order for the bench's symbol and quantity, with whatever `changes` says differently."""
    number = next(_numbers)
    fields: dict[str, object] = {
        "client_order_id": ClientOrderId(f"pq-{number:032x}"),
        "symbol": bench.symbol,
        "side": side,
        "quantity": bench.quantity,
        "leg": leg,
        "strategy_id": "strategy-a",
        "proquant_position_id": "position-1",
    }
    return OrderRequest(**(fields | changes))  # type: ignore[arg-type]
