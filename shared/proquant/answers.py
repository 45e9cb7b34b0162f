"""What we answer ProQuant, and what its user is then shown (guide, "Responding to Events"). Pure.

The guide speaks of no retries. To send an event again never harms: one that was stored is not executed twice, and is
answered with its outcome as it is known by then; one that was refused before it was stored is judged anew. Every
error has a body in JSON. A REOPEN whose open leg cannot be opened is answered with that reason, and its close leg
is executed all the same.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.domain import AnyError, ErrorType, GenericError
from shared.proquant import strict_json
from shared.proquant.errors import MalformedBody

ERROR_HEADER: Final = "x-proquant-error"
RETRY_AFTER_SECONDS: Final = 5

NO_NOTIFICATION: Final = "none"
GENERIC_NOTIFICATION: Final = "generic"

STATUS: dict[AnyError, int] = {
    ErrorType.INVALID_CREDENTIALS: 401,
    ErrorType.UNSUPPORTED_INSTRUMENT: 422,
    ErrorType.QUANTITY_TOO_LOW: 422,
    ErrorType.QUANTITY_TOO_HIGH: 422,
    ErrorType.INVALID_QUANTITY_PRECISION: 422,
    ErrorType.INSUFFICIENT_FUNDS: 422,
    ErrorType.POSITION_ALREADY_EXISTS: 409,
    ErrorType.POSITION_NOT_FOUND: 409,
    ErrorType.MARKET_CLOSED: 409,
    GenericError.MALFORMED: 400,
    GenericError.UNSUPPORTED_VERSION: 400,
    GenericError.BAD_REQUEST: 400,
    GenericError.NOT_FOUND: 404,
    GenericError.METHOD_NOT_ALLOWED: 405,
    GenericError.CONFLICT: 409,
    GenericError.EXPIRED: 409,
    GenericError.ACCOUNT_PAUSED: 409,
    GenericError.STRATEGY_DISABLED: 409,
    GenericError.TOO_LARGE: 413,
    GenericError.UNSUPPORTED_MEDIA_TYPE: 415,
    GenericError.REJECTED: 422,
    GenericError.TOO_MANY_ATTEMPTS: 429,
    GenericError.INTERNAL: 500,
    GenericError.UNAVAILABLE: 503,
}

SEND_AGAIN: Final = frozenset({GenericError.UNAVAILABLE, GenericError.INTERNAL})
"""The answers after which the same event, unchanged, may be executed when it comes again: the fault is on our side."""

DETAIL: dict[AnyError, str] = {
    ErrorType.INVALID_CREDENTIALS: "The access token of this integration is missing, wrong or no longer valid.",
    ErrorType.UNSUPPORTED_INSTRUMENT: "This instrument cannot be traded in the connected account.",
    ErrorType.QUANTITY_TOO_LOW: "The quantity is below the minimum for this instrument.",
    ErrorType.QUANTITY_TOO_HIGH: "The quantity is above the maximum for this instrument.",
    ErrorType.INVALID_QUANTITY_PRECISION: "The quantity is finer than this instrument can be traded in.",
    ErrorType.INSUFFICIENT_FUNDS: "The connected account does not have enough funds for this trade.",
    ErrorType.POSITION_ALREADY_EXISTS: "This strategy already has an open position.",
    ErrorType.POSITION_NOT_FOUND: "This strategy has no open position to close.",
    ErrorType.MARKET_CLOSED: "The market for this instrument is closed.",
    GenericError.MALFORMED: "The body of the request could not be understood.",
    GenericError.UNSUPPORTED_VERSION: "The body holds only protocol versions that are not supported.",
    GenericError.BAD_REQUEST: "The request could not be understood.",
    GenericError.NOT_FOUND: "There is nothing at this address.",
    GenericError.METHOD_NOT_ALLOWED: "This address does not take requests of this method.",
    GenericError.CONFLICT: "This event was received before with other content.",
    GenericError.EXPIRED: "The signal was too old to be executed when its turn came.",
    GenericError.ACCOUNT_PAUSED: "Trading is paused for this account.",
    GenericError.STRATEGY_DISABLED: "This integration is disabled for this strategy.",
    GenericError.TOO_LARGE: "The body of the request is too large.",
    GenericError.UNSUPPORTED_MEDIA_TYPE: "The content type of the request must be application/json.",
    GenericError.REJECTED: "The broker rejected the order.",
    GenericError.TOO_MANY_ATTEMPTS: "There were too many failed attempts; wait before the next one.",
    GenericError.INTERNAL: "Something went wrong on our side.",
    GenericError.UNAVAILABLE: "The service cannot take events at the moment; try again shortly.",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer, ready to be sent by any framework."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...]


def accepted() -> Reply:
    """Executed, accepted and still under way, or rightly without effect: an empty body, as the guide asks."""
    return Reply(200, b"", ())


def reply_for(error: AnyError, detail: str = "") -> Reply:
    """The answer for `error`; `detail` is one sentence that is safe to show, empty for the error's own one.

    Only the nine types of the guide carry its error header: on any other error ProQuant shows its generic notification.
    """
    word = "type" if isinstance(error, ErrorType) else "error"
    body = json.dumps({word: error.value, "detail": detail or DETAIL[error]}, separators=(",", ":"))
    return Reply(STATUS[error], body.encode(), (("content-type", "application/json"), *_special_headers(error)))


def _special_headers(error: AnyError) -> tuple[tuple[str, str], ...]:
    if isinstance(error, ErrorType):
        return ((ERROR_HEADER, "1"),)
    if error is GenericError.UNAVAILABLE:
        return (("retry-after", str(RETRY_AFTER_SECONDS)),)
    return ()


def meaning(status: int, headers: Mapping[str, str], body: bytes) -> str:
    """What the user's phone shows for this answer: one of the nine types, `generic`, or `none`.

    By the guide's four rules: status, content type, error header, and a known type in the body.
    """
    if status < 400:
        return NO_NOTIFICATION
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    media_type = lower.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json" or lower.get(ERROR_HEADER) != "1":
        return GENERIC_NOTIFICATION
    return _type_in(body) or GENERIC_NOTIFICATION


def _type_in(body: bytes) -> ErrorType | None:
    try:
        content = strict_json.parse(body)
    except MalformedBody:
        return None
    word = content.get("type") if isinstance(content, dict) else None
    return next((known for known in ErrorType if known == word), None)
