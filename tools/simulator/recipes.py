"""For each of the nine errors: the signals that a bridge with the paper broker answers with it. Pure."""

from dataclasses import dataclass
from decimal import Decimal

from shared.domain import Direction, EventType
from tools.simulator.model import Ticket
from tools.simulator.notification_rules import Notification

_OPEN, _CLOSE, _REOPEN = EventType.SIGNAL_OPEN, EventType.SIGNAL_CLOSE, EventType.SIGNAL_REOPEN


@dataclass(frozen=True, slots=True)
class Recipe:
    """Signals to be sent one after the other; the last one earns `error`. `hint` says why, and what it takes."""

    error: Notification
    hint: str
    steps: tuple[tuple[EventType, Ticket], ...]
    wrong_token: bool = False


def _gold(quantity: str, ticker: str = "XAUUSD") -> Ticket:
    return Ticket(ticker, Direction.BUY, Decimal(quantity))


RECIPES: dict[str, Recipe] = {
    recipe.error.value: recipe
    for recipe in (
        Recipe(Notification.QUANTITY_TOO_LOW, "OPEN 0.5 XAUUSD; the least is 1", ((_OPEN, _gold("0.5")),)),
        Recipe(Notification.QUANTITY_TOO_HIGH, "OPEN 10000 XAUUSD; the most is 5000", ((_OPEN, _gold("10000")),)),
        Recipe(
            Notification.INVALID_QUANTITY_PRECISION, "OPEN 10.0001 XAUUSD; steps are 0.01", ((_OPEN, _gold("10.0001")),)
        ),
        Recipe(Notification.UNSUPPORTED_INSTRUMENT, "OPEN 10 NOPE", ((_OPEN, _gold("10", "NOPE")),)),
        Recipe(
            Notification.INSUFFICIENT_FUNDS,
            "REOPEN 4000 XAUUSD: legal, and more than 100,000 can carry",
            ((_REOPEN, _gold("4000")),),
        ),
        Recipe(Notification.POSITION_ALREADY_EXISTS, "OPEN twice", ((_OPEN, _gold("10")), (_OPEN, _gold("10")))),
        Recipe(Notification.POSITION_NOT_FOUND, "CLOSE twice", ((_CLOSE, _gold("10")), (_CLOSE, _gold("10")))),
        Recipe(
            Notification.MARKET_CLOSED,
            "OPEN 10 XAUUSD; takes an account whose market is closed, as demo-closed",
            ((_OPEN, _gold("10")),),
        ),
        Recipe(
            Notification.INVALID_CREDENTIALS, "CLOSE with a spoiled token", ((_CLOSE, _gold("10")),), wrong_token=True
        ),
    )
}
