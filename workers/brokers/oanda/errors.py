"""What OANDA's refusals mean in ProQuant's nine words: tables, and how to read them. Pure.

The codes are those of TransactionRejectReason and OrderCancelReason (developer.oanda.com, transaction definitions), the
sentences those of its page on troubleshooting. One table serves both lists: where they share a word, it means the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.domain import ErrorType

TRADE_EXISTS = "CLIENT_TRADE_ID_ALREADY_EXISTS"
ORDER_EXISTS = "CLIENT_ORDER_ID_ALREADY_EXISTS"

REASONS: Mapping[str, ErrorType | None] = {
    "INSUFFICIENT_MARGIN": ErrorType.INSUFFICIENT_FUNDS,
    "INSUFFICIENT_FUNDS": ErrorType.INSUFFICIENT_FUNDS,
    "MARGIN_RATE_WOULD_TRIGGER_CLOSEOUT": ErrorType.INSUFFICIENT_FUNDS,
    "MARGIN_RATE_WOULD_TRIGGER_MARGIN_CALL": ErrorType.INSUFFICIENT_FUNDS,
    "UNITS_MIMIMUM_NOT_MET": ErrorType.QUANTITY_TOO_LOW,  # OANDA's own spelling
    "UNITS_MINIMUM_NOT_MET": ErrorType.QUANTITY_TOO_LOW,  # and the day on which it is mended
    "UNITS_LIMIT_EXCEEDED": ErrorType.QUANTITY_TOO_HIGH,
    "POSITION_SIZE_EXCEEDED": ErrorType.QUANTITY_TOO_HIGH,
    "ACCOUNT_POSITION_VALUE_LIMIT_EXCEEDED": ErrorType.QUANTITY_TOO_HIGH,
    "OPEN_TRADES_ALLOWED_EXCEEDED": ErrorType.QUANTITY_TOO_HIGH,  # judgement: one more is too much
    "UNITS_PRECISION_EXCEEDED": ErrorType.INVALID_QUANTITY_PRECISION,
    "UNITS_INVALID": ErrorType.INVALID_QUANTITY_PRECISION,
    "INSTRUMENT_UNKNOWN": ErrorType.UNSUPPORTED_INSTRUMENT,
    "INSTRUMENT_NOT_TRADEABLE": ErrorType.UNSUPPORTED_INSTRUMENT,  # by this account, ever: not a closed market
    TRADE_EXISTS: ErrorType.POSITION_ALREADY_EXISTS,  # once it is known that the trade is of another order
    "MARKET_HALTED": ErrorType.MARKET_CLOSED,
    "INSTRUMENT_BID_HALTED": ErrorType.MARKET_CLOSED,
    "INSTRUMENT_ASK_HALTED": ErrorType.MARKET_CLOSED,
    "INSTRUMENT_BID_REDUCE_ONLY": ErrorType.MARKET_CLOSED,
    "INSTRUMENT_ASK_REDUCE_ONLY": ErrorType.MARKET_CLOSED,
    "INSTRUMENT_PRICE_UNKNOWN": ErrorType.MARKET_CLOSED,
    "TRADE_DOESNT_EXIST": ErrorType.POSITION_NOT_FOUND,
    "CLOSEOUT_POSITION_DOESNT_EXIST": ErrorType.POSITION_NOT_FOUND,
    "NO_SUCH_TRADE": ErrorType.POSITION_NOT_FOUND,
    "ACCOUNT_NOT_ACTIVE": ErrorType.INVALID_CREDENTIALS,
    "ACCOUNT_LOCKED": ErrorType.INVALID_CREDENTIALS,  # judgement: the user has to see to the account
    "ACCOUNT_NEW_POSITIONS_LOCKED": ErrorType.INVALID_CREDENTIALS,
    "ACCOUNT_ORDER_CREATION_LOCKED": ErrorType.INVALID_CREDENTIALS,
    "ACCOUNT_ORDER_FILL_LOCKED": ErrorType.INVALID_CREDENTIALS,
    # Known, and none of the nine.
    "FIFO_VIOLATION": None,
    "INSUFFICIENT_LIQUIDITY": None,
    "BOUNDS_VIOLATION": None,
    "TIME_IN_FORCE_EXPIRED": None,
    "CLIENT_REQUEST": None,
    ORDER_EXISTS: None,  # no refusal: another order with our id is pending, and that is ours
    "CLOSE_TRADE_UNITS_EXCEED_TRADE_SIZE": None,
    "TRADE_ON_FILL_CLIENT_EXTENSIONS_NOT_SUPPORTED": None,
    "INTERNAL_SERVER_ERROR": None,
}
"""`rejectReason` of a reject transaction, `reason` of a cancel transaction, or `errorCode` of an answer without one."""

ANSWERS: tuple[tuple[int, str, ErrorType | None], ...] = (
    (400, r"Invalid value specified for '(order\.)?instruments?'", ErrorType.UNSUPPORTED_INSTRUMENT),
    (400, r"Invalid value specified for '(order\.)?units'", ErrorType.INVALID_QUANTITY_PRECISION),
    (401, r"", ErrorType.INVALID_CREDENTIALS),
    (403, r"", ErrorType.INVALID_CREDENTIALS),
)
"""Status, pattern of `errorMessage`, meaning: for answers that carry no code at all."""


@dataclass(frozen=True, slots=True)
class RejectionMeaning:
    """A refusal in our words. `mapped` is False where nobody has yet said what OANDA's word means."""

    type: ErrorType | None
    reason: str
    code: str = ""
    mapped: bool = True


def meaning_of_reason(reason: str) -> RejectionMeaning:
    """What a reject or cancel reason means."""
    return RejectionMeaning(REASONS.get(reason), f"OANDA: {reason}.", reason, reason in REASONS)


def meaning_of_answer(status: int, body: Mapping[str, object]) -> RejectionMeaning:
    """What an answer of 4xx means: by its reject transaction, else its code, else its sentence."""
    for name, value in body.items():
        if name.endswith("RejectTransaction") and isinstance(value, dict) and "rejectReason" in value:
            return meaning_of_reason(str(value["rejectReason"]))
    code, message = str(body.get("errorCode", "")), str(body.get("errorMessage", ""))
    if code in REASONS:
        return meaning_of_reason(code)
    for known, pattern, type_ in ANSWERS:
        if status == known and re.search(pattern, message):
            return RejectionMeaning(type_, f"OANDA answered {status}: {message or 'without a word'}", code)
    return RejectionMeaning(
        None, f"OANDA answered {status}: {code} {message}".rstrip(), code or str(status), mapped=False
    )
