"""Why an event is refused where no rule of an opening is concerned: the words that ProQuant is answered with. Pure."""

from shared.domain import ErrorType, GenericError, Refusal, RefusedBy
from shared.situation.model import Order


def already_exists() -> Refusal:
    """The strategy holds a position, which an OPEN does not replace."""
    return Refusal(ErrorType.POSITION_ALREADY_EXISTS, "The strategy already has an open position.")


def nothing_to_close() -> Refusal:
    """The strategy holds nothing, or not what a CLOSE names."""
    return Refusal(ErrorType.POSITION_NOT_FOUND, "The strategy has no open position to close.")


def refused_by_broker(order: Order) -> Refusal:
    """The broker has refused the order for good; its own words stay with the order."""
    error = order.error or GenericError.REJECTED
    return Refusal(error, f"The broker refused the order to {order.leg} the position: {error}.", RefusedBy.BROKER)


def keys_refused() -> Refusal:
    """The broker refused the account's keys before an order was sent."""
    detail = "The broker does not accept the account's credentials."
    return Refusal(ErrorType.INVALID_CREDENTIALS, detail, RefusedBy.BROKER)
