"""What the codes of Binance mean to an order, as data (developers.binance.com, USD-M futures, error codes). Pure."""

import re
from enum import StrEnum

from shared.domain import ErrorType


class OrderProof(StrEnum):
    """What an answer with a code proves about the order that it answers, where it is no plain refusal."""

    NOT_ACCEPTED = "not_accepted"  # was not looked at: may be sent again
    WRONG_TIME = "wrong_time"  # was not looked at, since our clock and theirs differ
    DUPLICATE = "duplicate"  # there is an order with this client order id
    UNKNOWN = "unknown"  # may have been executed


Meaning = ErrorType | OrderProof | None
"""None: refused, and ProQuant has no word for it."""

CODES: dict[int, Meaning] = {
    # 10xx: the server and the network
    -1000: OrderProof.UNKNOWN,  # unknown error while processing
    -1001: OrderProof.NOT_ACCEPTED,  # internal error, "unable to process": a failure by their general info
    -1002: ErrorType.INVALID_CREDENTIALS,
    -1003: OrderProof.NOT_ACCEPTED,  # too many requests
    -1004: OrderProof.NOT_ACCEPTED,  # the server is busy
    -1006: OrderProof.UNKNOWN,
    -1007: OrderProof.UNKNOWN,
    -1008: OrderProof.NOT_ACCEPTED,  # throttled; closes are exempt
    -1011: ErrorType.INVALID_CREDENTIALS,  # this address may not use the key
    -1014: None,
    -1015: OrderProof.NOT_ACCEPTED,  # too many orders
    -1016: OrderProof.NOT_ACCEPTED,  # shutting down
    -1020: None,
    -1021: OrderProof.WRONG_TIME,
    -1022: ErrorType.INVALID_CREDENTIALS,
    -1099: ErrorType.INVALID_CREDENTIALS,
    # 11xx: the request
    -1102: None,
    -1106: None,
    -1108: ErrorType.UNSUPPORTED_INSTRUMENT,
    -1110: ErrorType.UNSUPPORTED_INSTRUMENT,
    -1111: ErrorType.INVALID_QUANTITY_PRECISION,
    -1116: None,
    -1121: ErrorType.UNSUPPORTED_INSTRUMENT,
    -1122: ErrorType.MARKET_CLOSED,  # the symbol's status
    -1126: ErrorType.UNSUPPORTED_INSTRUMENT,
    -1130: None,
    # 20xx: processing
    -2010: None,
    -2014: ErrorType.INVALID_CREDENTIALS,
    -2015: ErrorType.INVALID_CREDENTIALS,
    -2016: ErrorType.MARKET_CLOSED,
    -2017: ErrorType.INVALID_CREDENTIALS,
    -2018: ErrorType.INSUFFICIENT_FUNDS,
    -2019: ErrorType.INSUFFICIENT_FUNDS,
    -2020: None,  # unable to fill
    -2022: ErrorType.POSITION_NOT_FOUND,  # a reduce-only order found nothing to reduce
    -2023: None,  # the account is being liquidated
    -2024: ErrorType.POSITION_NOT_FOUND,
    -2025: None,  # too many open orders
    -2027: ErrorType.QUANTITY_TOO_HIGH,  # above what the leverage allows
    -2028: ErrorType.INSUFFICIENT_FUNDS,
    # 40xx: filters and the rest
    -4003: ErrorType.QUANTITY_TOO_LOW,
    -4004: ErrorType.QUANTITY_TOO_LOW,
    -4005: ErrorType.QUANTITY_TOO_HIGH,
    -4015: None,  # the client order id is malformed
    -4023: ErrorType.INVALID_QUANTITY_PRECISION,
    -4030: ErrorType.INVALID_QUANTITY_PRECISION,
    -4050: ErrorType.INSUFFICIENT_FUNDS,
    -4051: ErrorType.INSUFFICIENT_FUNDS,
    -4061: None,  # the account was switched to hedge mode
    -4062: None,  # reduceOnly in hedge mode
    -4087: None,  # the user may only reduce
    -4088: ErrorType.INVALID_CREDENTIALS,
    -4104: ErrorType.UNSUPPORTED_INSTRUMENT,
    -4105: ErrorType.MARKET_CLOSED,  # only reducing orders are taken in this symbol now
    -4106: ErrorType.MARKET_CLOSED,
    -4107: ErrorType.MARKET_CLOSED,
    -4108: ErrorType.UNSUPPORTED_INSTRUMENT,  # the contract is being delivered, settled or closed
    -4109: ErrorType.INVALID_CREDENTIALS,  # inactive account
    -4116: OrderProof.DUPLICATE,
    -4118: None,  # a reduce-only order failed the margin check
    -4131: None,  # the best price is outside of the percent-price filter
    -4140: ErrorType.MARKET_CLOSED,
    -4141: ErrorType.MARKET_CLOSED,
    -4144: ErrorType.UNSUPPORTED_INSTRUMENT,
    -4164: ErrorType.QUANTITY_TOO_LOW,  # below the least notional
    -4192: None,  # cooling-off period
    -4400: None,  # a quantitative rule was broken; only reducing is allowed
    -4401: None,  # compliance: only reducing is allowed
    -4402: ErrorType.UNSUPPORTED_INSTRUMENT,  # compliance: not in this region
    -4411: ErrorType.UNSUPPORTED_INSTRUMENT,  # the user has to sign Binance's agreement for TradFi perpetuals
    -5028: OrderProof.WRONG_TIME,  # outside of the matching engine's window
}
NO_SUCH_ORDER = -2013
POSITION_SIDE_NOT_MATCH = -4061

FAILURES: tuple[re.Pattern[str], ...] = (
    re.compile(r"^Service Unavailable\.?$", re.IGNORECASE),
    re.compile(r"^Internal error; unable to process your request", re.IGNORECASE),
    re.compile(r"throttled by system-level protection", re.IGNORECASE),
)
"""The texts of a 503 that Binance calls a failure (general info, "HTTP 503 Status"). "Unknown error, please check your
request or try again later." and every other text leave the outcome unknown."""


def listed(code: int) -> bool:
    """Whether the table knows this code."""
    return code in CODES


def verdict_of_5xx(status: int, words: str) -> OrderProof:
    """What an answer of 500 or more proves: nothing, except for a 503 in the words of `FAILURES`."""
    failed = status == 503 and any(text.search(words) for text in FAILURES)
    return OrderProof.NOT_ACCEPTED if failed else OrderProof.UNKNOWN
