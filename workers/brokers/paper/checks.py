"""What the paper broker refuses, and why. Pure: the books, the time and the settings are arguments."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from shared.accounts.instrument import check_quantity, sentence_about
from shared.domain import Direction, ErrorType, Leg
from workers.brokers.base import OrderRejected, OrderRequest
from workers.brokers.paper.catalogue import LISTINGS, MARGIN, Hours, PaperInstrument, trading_hours
from workers.brokers.paper.margin import Holding, Quote, affordable
from workers.brokers.paper.prices import price, rate

LARGEST = Decimal("1e15")  # beyond it a Decimal's 28 digits no longer hold every step, and a remainder is an error


@dataclass(frozen=True, slots=True)
class Book:
    """What an account has: cash in `currency`, and its holdings by symbol."""

    currency: str
    cash: Decimal
    holdings: Mapping[str, Holding]


def refusal(order: OrderRequest, book: Book, hours: Hours, at: datetime, seed: int) -> OrderRejected | None:
    """Why this order is refused at `at`, or None. Instrument first, then quantity, then hours, then funds.

    A close leg is never refused for what the account holds: the account nets its strategies, so it cannot know. Nor for
    its quantity: what is held may be less than may be opened, after a partial fill or since a limit was changed.
    """
    listing = LISTINGS.get(order.symbol)
    if listing is None:
        return OrderRejected(ErrorType.UNSUPPORTED_INSTRUMENT, f"{order.symbol} is not listed")
    if not listing.shortable and order.side is Direction.SELL and order.leg is Leg.OPEN:
        return OrderRejected(ErrorType.UNSUPPORTED_INSTRUMENT, f"{order.symbol} cannot be sold short")
    instrument = listing.instrument(hours)
    if order.quantity > LARGEST:
        return OrderRejected(ErrorType.QUANTITY_TOO_HIGH, sentence_about(instrument, order.quantity))
    if order.leg is Leg.OPEN and (wrong := check_quantity(instrument, order.quantity)):
        return OrderRejected(wrong, sentence_about(instrument, order.quantity))
    if not trading_hours(listing.market, hours).is_open(at):
        return OrderRejected(ErrorType.MARKET_CLOSED, f"{order.symbol} does not trade now")
    quotes = quotes_for({*book.holdings, order.symbol}, book.currency, at, seed)
    if not affordable(book.cash, book.holdings, quotes, order.symbol, signed(order.side, order.quantity)):
        return OrderRejected(ErrorType.INSUFFICIENT_FUNDS, f"{order.quantity} {order.symbol} needs more margin")
    return None


def quotes_for(symbols: set[str], currency: str, at: datetime, seed: int) -> dict[str, Quote]:
    """The quotes of listed symbols, for an account in `currency`."""
    return {symbol: _quote(LISTINGS[symbol], currency, at, seed) for symbol in symbols}


def signed(side: Direction, quantity: Decimal) -> Decimal:
    """The change of the net position that a trade makes."""
    return quantity if side is Direction.BUY else -quantity


def _quote(listing: PaperInstrument, currency: str, at: datetime, seed: int) -> Quote:
    return Quote(
        price=price(listing.symbol, at, seed),
        rate=rate(listing.currency, currency, at, seed),
        margin=MARGIN[listing.market],
    )
