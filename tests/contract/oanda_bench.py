"""The OANDA adapter against its simulator: every broker gets a simulated account, and a server, of its own."""

from collections.abc import Mapping
from contextlib import ExitStack
from decimal import Decimal
from types import TracebackType
from typing import Self

from shared.domain import ErrorType
from tests.simulators.oanda import simulated
from tests.simulators.oanda_books import CANCELLED, Books
from tests.simulators.server import Answer, Fault, Meeting, Simulator
from workers.brokers.base import Broker
from workers.brokers.oanda.broker import OandaBroker
from workers.brokers.oanda.settings import parse

DEADLINE_SECONDS = 5.0  # of a submit: five calls of one second
REASONS = {
    "InsufficientFunds": f"{CANCELLED}:INSUFFICIENT_MARGIN",
    "QuantityTooLow": "UNITS_MIMIMUM_NOT_MET",
    "QuantityTooHigh": "UNITS_LIMIT_EXCEEDED",
    "InvalidQuantityPrecision": "UNITS_PRECISION_EXCEEDED",
    "UnsupportedInstrument": "INSTRUMENT_NOT_TRADEABLE",
    "PositionAlreadyExists": "CLIENT_TRADE_ID_ALREADY_EXISTS",
    "MarketClosed": f"{CANCELLED}:MARKET_HALTED",
    "PositionNotFound": "TRADE_DOESNT_EXIST",
    "InvalidCredentials": "ACCOUNT_LOCKED",
    "other": f"{CANCELLED}:INSUFFICIENT_LIQUIDITY",
}
FAULTS: Mapping[str, Meeting] = {
    "timeout_accepted": Fault.LOST_AFTER,
    "timeout_rejected": Fault.LOST_AFTER,
    "timeout_lost": Fault.LOST_BEFORE,
    "error_after": Fault.ERROR_AFTER,
    "garbage": Fault.GARBAGE_AFTER,
    "slow": Fault.SLOW_AFTER,
}
_WHOLE = "market orders are fill or kill: filled whole and at once, or cancelled"


class OandaBench:
    """OANDA, with an account that hedges or one that nets."""

    symbol = "XAU_USD"
    other_symbol = "EUR_USD"
    quantity = Decimal(10)
    unaffordable = Decimal(4000)
    lookup_lag = 0.4
    cannot: Mapping[str, str] = {
        **dict.fromkeys(("partial", "accepted", "cancelled_later"), _WHOLE),
        "cancelled": "it says why it cancels a market order, which is a rejection",
        "queued": "it cancels market orders while the market is closed",
    }

    def __init__(self, hedging: bool = True) -> None:
        self._hedging = hedging
        self._open = ExitStack()
        self._made: dict[Broker, tuple[Simulator, Books]] = {}
        assert set(REASONS) == {*ErrorType, "other"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def broker(self, *staged: str) -> Broker:
        return self._make(Books(hedging=self._hedging), staged)

    def slow_broker(self, *staged: str) -> Broker:
        return self._make(Books(hedging=self._hedging, lag=self.lookup_lag), staged)

    def closed_market_broker(self) -> Broker:
        return self._make(Books(hedging=self._hedging, halted=True), ())

    def unreachable_broker(self) -> Broker:
        return self._connect("http://127.0.0.1:1", Books())

    def again(self, broker: Broker) -> Broker:
        simulator, books = self._made[broker]
        return self._connect(simulator.url, books)

    def _make(self, books: Books, staged: tuple[str, ...]) -> Broker:
        simulator = self._open.enter_context(simulated(books))
        broker = self._connect(simulator.url, books)
        self._made[broker] = simulator, books
        for word in staged:
            stage(simulator, books, word)
        return broker

    def _connect(self, url: str, books: Books) -> Broker:
        settings = {"account": "bench", "base_url": url, "token": "practice-token", "account_id": books.id}
        broker = OandaBroker(parse(settings), DEADLINE_SECONDS)
        self._open.callback(broker.close)
        return broker


def stage(simulator: Simulator, books: Books, word: str) -> None:
    """Lets the next order that is not staged yet meet what the word says. What never arrives takes no reason."""
    name, _, detail = word.partition(":")
    if name == "expired_credentials":
        books.token = "revoked"
    elif name == "unavailable":
        simulator.faults.append(Answer(429, {"errorMessage": "Rate limit exceeded"}, {"Retry-After": detail}))
    else:
        simulator.faults.append(FAULTS.get(name))
        if name != "timeout_lost":
            books.staged.append(REASONS[detail] if detail else None)
