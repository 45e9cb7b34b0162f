"""Whether a close leg that was refused finds its position gone: only what was seen absent may be written off.

The word of a refusal is no proof. Binance refuses a reduce-only order with the same code (-2022) where other
reduce-only orders rest in the symbol; the ledger once wrote off two coins that were held, and the next OPEN doubled
them.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

from shared.domain import EXACT, Direction, ErrorType, Leg
from workers.brokers.base import BrokerError, BrokerPosition, BrokerUnavailable, OrderRejected, OrderRequest
from workers.brokers.odd_rows import collecting_odd_rows

MAY_MEAN_GONE = frozenset({ErrorType.POSITION_NOT_FOUND, ErrorType.UNSUPPORTED_INSTRUMENT})
"""Refusals that may be said of a close because nothing is there: a contract that was delisted is settled, too."""


def as_seen(
    order: OrderRequest, refused: BrokerError, positions: Callable[[], Sequence[BrokerPosition]]
) -> BrokerError:
    """What the refusal of an order means, in the light of what an account that nets holds in its symbol.

    PositionNotFound where nothing of it is held, or the opposite. Where it is held, or cannot be read, a refusal as
    "not found" ends nothing: the close is tried again, and whoever waits for it is told why.
    """
    if order.leg is not Leg.CLOSE or not isinstance(refused, OrderRejected) or refused.type not in MAY_MEAN_GONE:
        return refused
    try:
        with collecting_odd_rows() as odd:
            held = sum((each.quantity for each in positions() if each.symbol == order.symbol), Decimal(0))
    except BrokerUnavailable as unavailable:
        return BrokerUnavailable(f"{refused.reason} Whether the position is there is not known: {unavailable.reason}")
    if odd:
        return BrokerUnavailable(f"{refused.reason} Not every position can be read: {odd[0]}")
    if held >= 0 if order.side is Direction.BUY else held <= 0:
        return OrderRejected(ErrorType.POSITION_NOT_FOUND, refused.reason)
    if refused.type is not ErrorType.POSITION_NOT_FOUND:
        return refused
    return BrokerUnavailable(
        f"{refused.reason} The account still holds {EXACT.normalize(held):f} {order.symbol}: look for other orders of "
        "this account that would close it."
    )
