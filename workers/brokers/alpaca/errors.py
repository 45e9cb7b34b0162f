"""What Alpaca's refusals mean, as a table. Pure.

One code stands for many faults (40310000 for funds, quantity, wash trades and intents; 40010001 for duplicates and
permissions), so that a row asks for the status, the code and the message. Sources: the error examples of the Trading
API's OpenAPI text (trading-api.json 2.0.1) and bodies quoted in the issues of Alpaca's own clients, as each row says.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain import ErrorType, Leg
from workers.brokers.http_client import BrokerReply

FORBIDDEN = 40310000
MALFORMED = 40010001
UNPROCESSABLE = 42210000
NOT_FOUND = 40410000


@dataclass(frozen=True, slots=True)
class RefusalRule:
    """A refusal: where status, code (None: any) and message fit, on this leg (None: both), it has this type."""

    status: int | None
    code: int | None
    message: str
    type: ErrorType | None
    leg: Leg | None = None


RULES = (
    # alpaca-py issue 225; the second is what a crypto order says of the money it would spend
    RefusalRule(403, FORBIDDEN, r"insufficient (day ?trading )?buying power", ErrorType.INSUFFICIENT_FUNDS),
    RefusalRule(403, FORBIDDEN, r"insufficient balance", ErrorType.INSUFFICIENT_FUNDS, Leg.OPEN),
    RefusalRule(403, FORBIDDEN, r"cost basis must be >= minimal amount", ErrorType.QUANTITY_TOO_LOW),
    RefusalRule(None, None, r"(qty|quantity) must be (>|greater)", ErrorType.QUANTITY_TOO_LOW),
    RefusalRule(None, None, r"(qty|quantity|notional).* (must be (<|less)|exceeds)", ErrorType.QUANTITY_TOO_HIGH),
    # Alpaca-API issue 236; alpaca-trade-api-python issue 405
    RefusalRule(422, None, r"qty must be integer", ErrorType.INVALID_QUANTITY_PRECISION),
    RefusalRule(
        None, None, r"fractional orders (are not allowed to|cannot be sold) short", ErrorType.INVALID_QUANTITY_PRECISION
    ),
    RefusalRule(None, None, r"is not fractionable", ErrorType.INVALID_QUANTITY_PRECISION),
    RefusalRule(422, UNPROCESSABLE, r"increment|precision|decimal", ErrorType.INVALID_QUANTITY_PRECISION),
    # trading-api.json; alpaca-java issue 147
    RefusalRule(422, UNPROCESSABLE, r"invalid symbol", ErrorType.UNSUPPORTED_INSTRUMENT),
    RefusalRule(
        None,
        None,
        r"asset .*(not found|is not (active|tradable)|cannot be sold short)",
        ErrorType.UNSUPPORTED_INSTRUMENT,
    ),
    RefusalRule(
        403, FORBIDDEN, r"account is not (allowed|eligible) to (short|trade)", ErrorType.UNSUPPORTED_INSTRUMENT
    ),
    RefusalRule(422, MALFORMED, r"orders not allowed for account", ErrorType.UNSUPPORTED_INSTRUMENT),
    RefusalRule(None, None, r"market is closed", ErrorType.MARKET_CLOSED),
    # alpaca-trade-api-go issue 269; Alpaca-API issue 250: what would be closed is not there
    RefusalRule(404, NOT_FOUND, r"position (does not exist|not found)", ErrorType.POSITION_NOT_FOUND),
    RefusalRule(None, None, r"position intent mismatch", ErrorType.POSITION_NOT_FOUND, Leg.CLOSE),
    RefusalRule(None, None, r"position intent mismatch", None, Leg.OPEN),  # another strategy holds the other side
    RefusalRule(
        403, FORBIDDEN, r"insufficient (qty|balance).*available: 0(\.0*)?\)", ErrorType.POSITION_NOT_FOUND, Leg.CLOSE
    ),
    RefusalRule(403, FORBIDDEN, r"insufficient (qty|balance)", None),  # less is there than was to be closed
    # trading-api.json
    RefusalRule(401, None, r"", ErrorType.INVALID_CREDENTIALS),
    RefusalRule(403, None, r"^forbidden", ErrorType.INVALID_CREDENTIALS),
    RefusalRule(
        403, None, r"(account|trading) is (blocked|restricted)|account .*not authorized", ErrorType.INVALID_CREDENTIALS
    ),
    # alpaca-java issue 145 (as 42210000), Alpaca's documentation of orders (as 40310000); pattern day trading: 40310100
    RefusalRule(None, None, r"wash trade", None),
    RefusalRule(403, 40310100, r"", None),
)


@dataclass(frozen=True, slots=True)
class RefusalMeaning:
    """What a refusal means. `listed` is False where no row fits: then nobody has thought about it."""

    type: ErrorType | None
    reason: str
    listed: bool = True


def verdict(reply: BrokerReply, leg: Leg, rules: tuple[RefusalRule, ...] = RULES) -> RefusalMeaning:
    """The meaning of an answer that is no order. Its message goes into the reason: Alpaca puts no secret there."""
    code, message = code_of(reply), message_of(reply)
    reason = f"Alpaca answered {reply.status}{f' ({code})' if code else ''}: {message or 'no message'}"
    for rule in rules:
        if _fits(rule, reply.status, code, message, leg):
            held_elsewhere = rule.type is ErrorType.POSITION_NOT_FOUND and _still_held(reply)
            return RefusalMeaning(None if held_elsewhere else rule.type, reason)
    return RefusalMeaning(None, reason, listed=False)


def is_duplicate(reply: BrokerReply) -> bool:
    """Whether the broker says that it has an order with this client order id (alpaca-py issue 260)."""
    return reply.status == 422 and bool(re.search(r"client.order.id must be unique", message_of(reply), re.IGNORECASE))


def is_less_there(reply: BrokerReply) -> bool:
    """Whether less is available than was to be closed (alpaca-trade-api-go issue 269)."""
    return reply.status == 403 and bool(re.search(r"insufficient (qty|balance)", message_of(reply), re.IGNORECASE))


def is_absent(reply: BrokerReply) -> bool:
    """Whether a look-up says that there is no such thing; any other 404 may be of something in between.

    A path that does not exist has the same code: it means a wrong `base_url`, and never that an order is not there.
    """
    return reply.status == 404 and code_of(reply) == NOT_FOUND and "endpoint" not in message_of(reply)


def is_credentials(reply: BrokerReply) -> bool:
    """Whether a read was refused for the keys."""
    return reply.status in {401, 403}


def code_of(reply: BrokerReply) -> int | None:
    """Alpaca's own code; None where the body has none."""
    code = _body(reply).get("code")
    return code if isinstance(code, int) else None


def message_of(reply: BrokerReply) -> str:
    """Alpaca's own words, cut to what a log can bear."""
    message = _body(reply).get("message")
    return message[:300] if isinstance(message, str) else ""


def _fits(rule: RefusalRule, status: int, code: int | None, message: str, leg: Leg) -> bool:
    return (
        rule.status in {None, status}
        and rule.code in {None, code}
        and rule.leg in {None, leg}
        and re.search(rule.message, message, re.IGNORECASE) is not None
    )


def _still_held(reply: BrokerReply) -> bool:
    """Nothing is available since another order holds it; the position itself is there (alpaca-trade-api-csharp 247)."""
    return str(_body(reply).get("held_for_orders", "0")).strip("0.") != ""


def _body(reply: BrokerReply) -> Mapping[str, object]:
    return reply.body if isinstance(reply.body, dict) else {}
