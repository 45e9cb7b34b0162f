"""What is refused before Alpaca is asked, in exact numbers: it has one code for many faults. No I/O of its own."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from shared.accounts.instrument import check_quantity, sentence_about
from shared.domain import EXACT, Direction, ErrorType, Leg
from workers.brokers.alpaca import translate
from workers.brokers.alpaca.assets import Asset
from workers.brokers.base import BrokerUnavailable, OrderRejected, OrderRequest

FEE_SHARE = Decimal("0.01")
"""More than the highest fee on crypto. Alpaca takes it out of the coins bought ("Crypto Trading Fees")."""


def quantity_to_send(order: OrderRequest, asset: Asset, position: Callable[[str], Mapping[str, Any] | None]) -> Decimal:
    """How much is sent: what was asked for, but of coins no more than the fee has left. Raises OrderRejected.

    Limits are looked at for an open leg alone: what is held has to be closed, whatever could be opened by now.
    """
    if order.leg is Leg.OPEN:
        _check_opening(order, asset)
        if wrong := check_quantity(asset.instrument, order.quantity):
            raise OrderRejected(wrong, sentence_about(asset.instrument, order.quantity))
        return order.quantity
    return _what_is_left(order, asset, position(asset.id)) if asset.crypto else order.quantity


def _check_opening(order: OrderRequest, asset: Asset) -> None:
    instrument = asset.instrument
    if not asset.tradable:
        raise OrderRejected(ErrorType.UNSUPPORTED_INSTRUMENT, f"{order.symbol} can only be closed.")
    if order.side is Direction.BUY:
        return
    if not instrument.shortable:
        raise OrderRejected(ErrorType.UNSUPPORTED_INSTRUMENT, f"{order.symbol} cannot be sold short.")
    if EXACT.remainder(order.quantity, Decimal(1)) != 0:
        raise OrderRejected(ErrorType.INVALID_QUANTITY_PRECISION, "Fractions of a share cannot be sold short.")


def _what_is_left(order: OrderRequest, asset: Asset, position: Mapping[str, Any] | None) -> Decimal:
    """The coins of this order that are there. Where more is missing than a fee explains, Alpaca is to say so itself."""
    if position is None:
        raise OrderRejected(ErrorType.POSITION_NOT_FOUND, f"Nothing of {order.symbol} is there to be sold.")
    try:
        there = translate.available(position)
    except translate.ODD as error:
        raise BrokerUnavailable(f"Alpaca's position cannot be read: {error!r}") from error
    if there >= order.quantity or there < EXACT.multiply(order.quantity, 1 - FEE_SHARE):
        return order.quantity
    step = asset.instrument.step
    if there < step:
        return there
    return EXACT.multiply(EXACT.divide_int(there, step), step)
