"""What is refused before it is sent to Binance, and why. Pure."""

from decimal import Decimal

from shared.accounts.instrument import check_quantity, sentence_about
from shared.domain import Direction, ErrorType, Leg
from workers.brokers.base import BrokerError, BrokerUnavailable, OrderRejected, OrderRequest
from workers.brokers.binance.catalogue import PricedListings

LARGEST = Decimal("1e15")
NOTIONAL_TOLERANCE = Decimal("0.5")
"""The exchange judges the notional at its own mark price, with a code of its own (-4164). Ours may be an hour old: only
what is far too little by it is refused without asking."""
POSITION_LAG_SECONDS = 5.0  # for so long after an order of ours, the position that is read may be the one before it


def refusal(order: OrderRequest, prospectus: PricedListings) -> OrderRejected | None:
    """Why the filters (LOT_SIZE, MARKET_LOT_SIZE, MIN_NOTIONAL) would refuse this order, or None."""
    listing = prospectus.listings.get(order.symbol)
    if listing is None:
        return OrderRejected(ErrorType.UNSUPPORTED_INSTRUMENT, f"{order.symbol} is not listed")
    instrument = listing.instrument(listing.symbol)
    if order.quantity > LARGEST:
        return OrderRejected(ErrorType.QUANTITY_TOO_HIGH, sentence_about(instrument, order.quantity))
    if wrong := check_quantity(instrument, order.quantity):
        return OrderRejected(wrong, sentence_about(instrument, order.quantity))
    worth = order.quantity * prospectus.prices.get(order.symbol, Decimal("Infinity"))
    if order.leg is Leg.OPEN and worth < listing.notional * NOTIONAL_TOLERANCE:
        reason = f"{order.quantity:f} {order.symbol} is worth less than {listing.notional:f} {listing.currency}"
        return OrderRejected(ErrorType.QUANTITY_TOO_LOW, reason)
    return None


def wrong_direction(order: OrderRequest, held: Decimal, since_last_order: float) -> BrokerError | None:
    """Why an opening order must not be sent while the account holds the opposite, or None.

    In one-way mode it would not open, but reduce what another strategy holds, and that strategy's reduce-only close
    would find nothing. Right after an order of ours the position may be read as it was before: then it is asked again.
    """
    opposite = held < 0 if order.side is Direction.BUY else held > 0
    if not opposite:
        return None
    reason = f"The account holds {held:f} {order.symbol}; Binance would net a {order.side} against it."
    if since_last_order < POSITION_LAG_SECONDS:
        return BrokerUnavailable(reason, 1.0)
    return OrderRejected(None, reason)
