"""Alpaca's adapter under the suite: a simulator of its own for every account."""

import itertools
from collections.abc import Mapping
from contextlib import ExitStack
from decimal import Decimal
from types import TracebackType
from typing import Self

from tests.simulators.alpaca import KEY_ID, SECRET_KEY, Alpaca, closed_at_once, is_order
from tests.simulators.server import Fault, Simulator
from workers.brokers.alpaca.broker import AlpacaBroker
from workers.brokers.alpaca.settings import parse
from workers.brokers.base import Broker

DEADLINE_SECONDS = 4.0
FAULTS = {
    "timeout_accepted": Fault.LOST_AFTER,
    "timeout_lost": Fault.LOST_BEFORE,
    "error_after": Fault.ERROR_AFTER,
    "garbage": Fault.GARBAGE_AFTER,
    "slow": Fault.SLOW_AFTER,
}
_numbers = itertools.count(1)


class AlpacaBench:
    """Stocks, since pairs cannot be sold short."""

    symbol = "AAPL"
    other_symbol = "BTC/USD"
    quantity = Decimal(10)
    unaffordable = Decimal(20_000)
    lookup_lag = 0.3
    cannot: Mapping[str, str] = {
        "timeout_rejected": "an order that Alpaca refuses leaves no trace: a look-up says that it is not there",
        "reject:QuantityTooHigh": "Alpaca publishes no maximum and no answer for it; the adapter's own cap refuses",
        "reject:PositionAlreadyExists": "the account nets; only the bridge's ledger knows strategies",
    }

    def __init__(self) -> None:
        self._ends = ExitStack()
        self._addresses: dict[Broker, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ends.close()

    def broker(self, *staged: str) -> Broker:
        return self._serve(Alpaca(*_heard(staged)), staged)

    def slow_broker(self, *staged: str) -> Broker:
        return self._serve(Alpaca(*_heard(staged), lag=self.lookup_lag), staged)

    def closed_market_broker(self) -> Broker:
        return self._serve(closed_at_once(), ())

    def unreachable_broker(self) -> Broker:
        return self._connect("http://127.0.0.1:1")

    def again(self, broker: Broker) -> Broker:
        return self._connect(self._addresses[broker])

    def _serve(self, alpaca: Alpaca, staged: tuple[str, ...]) -> Broker:
        alpaca.keys_valid = "expired_credentials" not in staged
        simulator = self._ends.enter_context(Simulator(alpaca, is_order).running())
        simulator.faults.extend(FAULTS.get(word) for word in staged if word != "reject:MarketClosed")
        return self._connect(simulator.url)

    def _connect(self, url: str) -> Broker:
        settings = {"account": f"a{next(_numbers)}", "base_url": url, "key_id": KEY_ID, "secret_key": SECRET_KEY}
        broker = AlpacaBroker(parse(settings), deadline_seconds=DEADLINE_SECONDS)
        self._addresses[broker] = url
        self._ends.callback(broker.close)
        return broker


def _heard(staged: tuple[str, ...]) -> list[str]:
    """What the simulator is to do with the orders that arrive; the wire does the rest."""
    return [_word(word) for word in staged if word != "timeout_lost"]


def _word(word: str) -> str:
    return "ok" if word in {*FAULTS, "gone", "expired_credentials"} else word
