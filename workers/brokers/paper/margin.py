"""The paper broker's arithmetic: netting of trades, profit and loss, equity, and what margin allows. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

ZERO = Decimal(0)
_PRICE_DIGITS = Decimal("0.0000000001")


@dataclass(frozen=True, slots=True)
class Holding:
    """The net position in one symbol: signed quantity (negative is short), and the average price that it was got at."""

    quantity: Decimal = ZERO
    average_price: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Quote:
    """One symbol now: its price in its own currency, that currency in the account's, its margin as a fraction."""

    price: Decimal
    rate: Decimal
    margin: Decimal


def trade(holding: Holding, change: Decimal, price: Decimal) -> tuple[Holding, Decimal]:
    """The holding after `change` (signed) at `price`, and the profit that this realised, in the symbol's currency."""
    quantity = holding.quantity + change
    if holding.quantity * change >= 0:
        return Holding(quantity, _average(holding, change, price)), ZERO
    reduced = min(abs(change), abs(holding.quantity)) * _sign(holding.quantity)
    realised = reduced * (price - holding.average_price)
    if quantity == 0:
        return Holding(), realised
    flipped = quantity * holding.quantity < 0
    return Holding(quantity, price if flipped else holding.average_price), realised


def equity(cash: Decimal, holdings: Mapping[str, Holding], quotes: Mapping[str, Quote]) -> Decimal:
    """Cash and unrealised profit, in the account's currency."""
    return cash + sum(
        (held.quantity * (quotes[symbol].price - held.average_price) * quotes[symbol].rate)
        for symbol, held in holdings.items()
    )


def required_margin(holdings: Mapping[str, Holding], quotes: Mapping[str, Quote]) -> Decimal:
    """What the net exposure of each symbol binds, in the account's currency."""
    return sum(
        (_margin(held.quantity, quotes[symbol]) for symbol, held in holdings.items()),
        ZERO,
    )


def affordable(
    cash: Decimal,
    holdings: Mapping[str, Holding],
    quotes: Mapping[str, Quote],
    symbol: str,
    change: Decimal,
) -> bool:
    """Whether `change` (signed) in `symbol` may be traded.

    The margin of the resulting net exposure must fit into equity; what does not add exposure is always affordable,
    so that an account that is under water can still be closed.
    """
    held = holdings.get(symbol, Holding())
    if abs(held.quantity + change) <= abs(held.quantity):
        return True
    after, _ = trade(held, change, quotes[symbol].price)
    return required_margin({**holdings, symbol: after}, quotes) <= equity(cash, holdings, quotes)


def _average(holding: Holding, change: Decimal, price: Decimal) -> Decimal:
    quantity = holding.quantity + change
    if quantity == 0:
        return ZERO
    exact = (holding.quantity * holding.average_price + change * price) / quantity
    return exact.quantize(_PRICE_DIGITS)


def _sign(quantity: Decimal) -> Decimal:
    return Decimal(1).copy_sign(quantity)


def _margin(quantity: Decimal, quote: Quote) -> Decimal:
    return abs(quantity) * quote.price * quote.rate * quote.margin
