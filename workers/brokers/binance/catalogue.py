"""What an account may trade at Binance, as read last: asked for anew when it is too old for its use."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from workers.brokers.base import BrokerUnavailable
from workers.brokers.binance.listings import ContractListing, listings_of, prices_of, weight_limit_of
from workers.brokers.binance.session import BinanceError, Session

FRESH_SECONDS = 60.0  # for whether a symbol trades, and for its price
USABLE_SECONDS = 3600.0  # for its filters, so that an order seldom has to wait for them


@dataclass(frozen=True, slots=True)
class PricedListings:
    """The listings, and the mark prices of the same moment."""

    listings: Mapping[str, ContractListing] = field(default_factory=dict)
    prices: Mapping[str, Decimal] = field(default_factory=dict)


class Catalogue:
    """Reads the listings when they are needed. Thread-safe."""

    def __init__(self, session: Session, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._read: tuple[float, PricedListings] | None = None

    def current(self, max_age: float) -> PricedListings:
        """The listings, at most this many seconds old. Raises BrokerUnavailable where they cannot be read."""
        with self._lock:
            if self._read is None or self._monotonic() - self._read[0] > max_age:
                self._read = (self._monotonic(), self._ask())
            return self._read[1]

    def latest(self, max_age: float) -> PricedListings:
        """The same; where they cannot be read, those that were read last, and in the end none."""
        try:
            return self.current(max_age)
        except BrokerUnavailable:
            return PricedListings() if self._read is None else self._read[1]

    def _ask(self) -> PricedListings:
        try:
            information = self._session.public("/fapi/v1/exchangeInfo")
            prices = self._session.public("/fapi/v1/premiumIndex")
            if (limit := weight_limit_of(information)) is not None:
                self._session.guard.learn_limit(limit)
            return PricedListings(listings_of(information), prices_of(prices))
        except BinanceError as refused:
            raise BrokerUnavailable(str(refused)) from refused
        except (KeyError, TypeError, ValueError, ArithmeticError) as error:
            raise BrokerUnavailable(f"Binance's list is not understood: {type(error).__name__}.") from error
