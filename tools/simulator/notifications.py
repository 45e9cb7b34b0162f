"""The words on the phone: a title and a sentence for each notification. Pure.

The guide fixes which of them is shown, and not how it reads: the words are ours.
"""

from typing import Final

from tools.simulator.notification_rules import Notification

TITLE: Final[dict[Notification, str]] = {
    Notification.GENERIC: "Something went wrong",
    Notification.INSUFFICIENT_FUNDS: "Not enough funds",
    Notification.QUANTITY_TOO_LOW: "Quantity too low",
    Notification.QUANTITY_TOO_HIGH: "Quantity too high",
    Notification.INVALID_QUANTITY_PRECISION: "Quantity too precise",
    Notification.UNSUPPORTED_INSTRUMENT: "Instrument not supported",
    Notification.POSITION_ALREADY_EXISTS: "Position already open",
    Notification.MARKET_CLOSED: "Market closed",
    Notification.POSITION_NOT_FOUND: "No position to close",
    Notification.INVALID_CREDENTIALS: "Not authorized",
}
_TEXT: Final[dict[Notification, str]] = {
    Notification.GENERIC: "{integration} could not handle {what}.",
    Notification.INSUFFICIENT_FUNDS: "{integration} does not have the funds for {what}.",
    Notification.QUANTITY_TOO_LOW: "{integration} trades no quantity as small as that of {what}.",
    Notification.QUANTITY_TOO_HIGH: "{integration} trades no quantity as large as that of {what}.",
    Notification.INVALID_QUANTITY_PRECISION: "{integration} trades no quantity as fine as that of {what}.",
    Notification.UNSUPPORTED_INSTRUMENT: "{integration} cannot trade the instrument of {what}.",
    Notification.POSITION_ALREADY_EXISTS: "{integration} holds a position of this strategy already: no {what}.",
    Notification.MARKET_CLOSED: "{integration} says that the market is closed: {what} was not done.",
    Notification.POSITION_NOT_FOUND: "{integration} holds no position of this strategy: {what} was not done.",
    Notification.INVALID_CREDENTIALS: "{integration} does not know you any more: {what} was not done.",
}


def text(notification: Notification, integration: str, what: str) -> str:
    """The sentence below the title. Raises KeyError for NONE, which is not shown."""
    return _TEXT[notification].format(integration=integration, what=what)
