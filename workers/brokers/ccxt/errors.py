"""What ccxt's classes of errors mean to an order, as data, where the venue's own code says nothing better. Pure."""

import re
from collections.abc import Mapping

from shared.domain import ErrorType
from workers.brokers.binance.errors import Meaning, OrderProof

CLASSES: dict[str, Meaning] = {
    "InsufficientFunds": ErrorType.INSUFFICIENT_FUNDS,
    "BadSymbol": ErrorType.UNSUPPORTED_INSTRUMENT,
    "ContractUnavailable": ErrorType.UNSUPPORTED_INSTRUMENT,
    "RestrictedLocation": ErrorType.UNSUPPORTED_INSTRUMENT,
    "MarketClosed": ErrorType.MARKET_CLOSED,
    "AuthenticationError": ErrorType.INVALID_CREDENTIALS,
    "PermissionDenied": ErrorType.INVALID_CREDENTIALS,
    "AccountNotEnabled": ErrorType.INVALID_CREDENTIALS,
    "AccountSuspended": ErrorType.INVALID_CREDENTIALS,
    "DuplicateOrderId": OrderProof.DUPLICATE,
    "InvalidNonce": OrderProof.NOT_ACCEPTED,  # our clock
    "DDoSProtection": OrderProof.NOT_ACCEPTED,
    "RateLimitExceeded": OrderProof.NOT_ACCEPTED,
    "InvalidOrder": None,
    "OperationRejected": None,
    "BadRequest": None,
    "NotSupported": None,
    "ArgumentsRequired": None,
}
"""By name, since ccxt may not be installed. Every other class (a network that failed, an answer that ccxt does not
understand, its bare ExchangeError) leaves the outcome unknown."""
_CODE = re.compile(r'"code"\s*:\s*"?(-?\d+)')


def meaning_of(error: Exception, codes: Mapping[int, Meaning]) -> Meaning:
    """The venue's code, if it is in the text and in its table, else the class."""
    code = _CODE.search(str(error))
    if code and int(code[1]) in codes:
        return codes[int(code[1])]
    return CLASSES.get(type(error).__name__, OrderProof.UNKNOWN)
