"""The words in which the cases stage a broker, as what Binance does and answers, with its published error bodies."""

from collections.abc import Iterable

from tests.simulators.server import Answer, Fault, Meeting


def refusal(code: int, message: str, status: int = 400) -> Answer:
    """An error as Binance answers it."""
    return Answer(status, {"code": code, "msg": message})


TOO_MANY = "Too many requests; current limit is 2400 requests per minute. Please use the websocket for live updates."
REFUSALS = {
    "InsufficientFunds": refusal(-2019, "Margin is insufficient."),
    "QuantityTooLow": refusal(-4004, "Quantity less than min quantity."),
    "QuantityTooHigh": refusal(-4005, "Quantity greater than max quantity."),
    "InvalidQuantityPrecision": refusal(-1111, "Precision is over the maximum defined for this asset."),
    "UnsupportedInstrument": refusal(-1121, "Invalid symbol."),
    "MarketClosed": refusal(-4141, "Symbol is closed."),
    "PositionNotFound": refusal(-2022, "ReduceOnly Order is rejected."),
    "InvalidCredentials": refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401),
    "other": refusal(-4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit"),
}
"""One for each type that Binance has a word for; it does not know of strategies, so no position exists already."""
FAULTS: dict[str, Fault | None] = {
    "timeout_accepted": Fault.LOST_AFTER,
    "timeout_lost": Fault.LOST_BEFORE,
    "error_after": Fault.ERROR_AFTER,
    "garbage": Fault.GARBAGE_AFTER,
    "slow": Fault.SLOW_AFTER,
}
INSIDE = frozenset({"ok", "partial", "accepted", "cancelled", "cancelled_later"})


def staged(words: Iterable[str]) -> tuple[list[Meeting], list[str]]:
    """What meets each order on its way, and what the exchange does with those that arrive."""
    meetings: list[Meeting] = []
    inside: list[str] = []
    for whole in words:
        word, _, value = whole.partition(":")
        if word == "reject":
            meetings.append(REFUSALS[value])
        elif word == "unavailable":
            meetings.append(Answer(429, {"code": -1003, "msg": TOO_MANY}, {"Retry-After": value}))
        elif word == "timeout_lost":
            meetings.append(FAULTS[word])
        else:
            meetings.append(FAULTS.get(word))
            inside.append(whole if word in INSIDE else "ok")
    return meetings, inside
