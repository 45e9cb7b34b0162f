"""The Binance adapter under the suite: each account on a simulated exchange of its own, over real HTTP."""

from collections.abc import Mapping
from contextlib import ExitStack
from decimal import Decimal
from types import TracebackType
from typing import Self

from tests.simulators.binance.books import Books
from tests.simulators.binance.exchange import Exchange
from tests.simulators.binance.words import staged
from tests.simulators.server import Call, Simulator
from workers.brokers.base import Broker
from workers.brokers.binance.broker import BinanceBroker
from workers.brokers.binance.settings import parse

READ_SECONDS, ORDER_SECONDS = 5.0, 0.7  # an order that drips in ends soon; a busy machine may read slowly


def is_order(call: Call) -> bool:
    """Whether the call places an order."""
    return (call.method, call.path) == ("POST", "/fapi/v1/order")


def settings_of(exchange: Exchange, url: str, **more: str) -> dict[str, str]:
    """The settings with which an account reaches its exchange."""
    return {"api_key": exchange.key, "api_secret": exchange.secret, "base_url": url, **more}


class BinanceBench:
    """Accounts with 100000 USDT at a leverage of 20, in which gold costs 2000."""

    symbol = "XAUUSDT"
    other_symbol = "BTCUSDT"
    quantity = Decimal(10)
    unaffordable = Decimal(2000)
    lookup_lag = 0.3
    cannot: Mapping[str, str] = {
        "timeout_rejected": "Binance keeps no orders that it has refused",
        "reject:PositionAlreadyExists": "Binance nets, and knows of no strategies",
        "queued": "Binance refuses orders in a symbol that does not trade, and queues none",
    }

    def __init__(self) -> None:
        self._open = ExitStack()
        self._made: dict[Broker, tuple[Exchange, str]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def broker(self, *words: str) -> Broker:
        return self._serve(Exchange(), words)

    def slow_broker(self, *words: str) -> Broker:
        return self._serve(Exchange(books=Books(lag=self.lookup_lag)), words)

    def closed_market_broker(self) -> Broker:
        return self._serve(Exchange(status="SETTLING"), ())

    def unreachable_broker(self) -> Broker:
        return self._connect(Exchange(), "http://127.0.0.1:1")

    def again(self, broker: Broker) -> Broker:
        return self._connect(*self._made[broker])

    def _serve(self, exchange: Exchange, words: tuple[str, ...]) -> Broker:
        exchange.expired = "expired_credentials" in words
        meetings, inside = staged(word for word in words if word != "expired_credentials")
        simulator = self._open.enter_context(Simulator(exchange.answer, is_order).running())
        simulator.faults.extend(meetings)
        exchange.books.staged.extend(inside)
        return self._connect(exchange, simulator.url)

    def _connect(self, exchange: Exchange, url: str) -> Broker:
        broker = BinanceBroker(parse(settings_of(exchange, url)), READ_SECONDS, ORDER_SECONDS)
        self._made[broker] = exchange, url
        self._open.callback(broker.close)
        return broker
