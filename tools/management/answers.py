"""How the management API says no: one JSON form for every error, in words for the caller, with none of our insides."""

from typing import Any

import marshmallow as ma
import structlog
from flask import Flask, Response, jsonify
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from werkzeug.exceptions import HTTPException

from receiver.refused import Refused
from shared.accounts.integrations import InvalidEmail, UnknownIntegration
from shared.domain import ErrorType
from shared.errors import AccountExists, BridgeError, ConfigurationError, UnknownAccount
from shared.urls import UnsafeUrl
from tools.operations.open_account import BrokerFault, LiveNotConfirmed
from tools.operations.request_integration import IntegrationRequestRefused, ProQuantAway
from tools.operations.resolve_event import UnknownEventId

log = structlog.get_logger()

RETRY_AFTER_SECONDS = 5
SAID: dict[type[BridgeError], tuple[int, str]] = {
    UnknownAccount: (404, "unknown_account"),
    UnknownIntegration: (404, "unknown_integration"),
    UnknownEventId: (404, "unknown_event"),
    AccountExists: (409, "account_exists"),
    InvalidEmail: (422, "odd_email"),
    LiveNotConfirmed: (422, "live_not_confirmed"),
    BrokerFault: (502, "broker_fault"),
    IntegrationRequestRefused: (502, "refused_by_proquant"),
    ProQuantAway: (503, "proquant_away"),
    ConfigurationError: (422, "not_configured"),
    UnsafeUrl: (422, "not_configured"),
}
"""Our own errors whose words may be shown, with their status and their name. Any other one is a fault of ours."""

WORDS = {
    400: ("bad_request", "The request could not be understood."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not take requests of this method."),
    413: ("too_large", "The body of the request is too large."),
    415: ("unsupported_media_type", "The content type of the request must be application/json."),
    422: ("invalid", "Some fields cannot be used; `fields` says which and why."),
}


class Problem(ma.Schema):
    """What every answer of 400 and above holds."""

    error = ma.fields.String(required=True, metadata={"description": "One word for programs"})
    detail = ma.fields.String(required=True, metadata={"description": "One sentence for people"})
    fields_ = ma.fields.Dict(data_key="fields", metadata={"description": "With `invalid`: what is wrong with which"})


def problem(status: int, error: str, detail: str, **more: object) -> Response:
    """An error as JSON."""
    response = jsonify(error=error, detail=detail, **more)
    response.status_code = status
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def register_error_handlers(app: Flask) -> None:
    """Every error of the application is answered here, those of flask-smorest too."""
    app.register_error_handler(Refused, _refused)
    app.register_error_handler(BridgeError, _our_own)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(SQLAlchemyError, _database)
    app.register_error_handler(Exception, _unexpected)


def _refused(error: Refused) -> Response:
    if error.error is ErrorType.INVALID_CREDENTIALS:
        return problem(401, "wrong_key", "The key is missing or wrong.")
    return problem(429, "too_many_attempts", "There were too many failed attempts; wait before the next one.")


def _our_own(error: BridgeError) -> Response:
    if type(error) not in SAID:
        return _unexpected(error)
    status, word = SAID[type(error)]
    return problem(status, word, str(error))


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    word, detail = WORDS.get(status, ("bad_request", error.name))
    messages = getattr(error, "data", {}).get("messages") if status == 422 else None
    answer = problem(status, word, detail, **({} if messages is None else {"fields": _fields(messages)}))
    if status == 405:
        answer.headers.extend({name: value for name, value in error.get_headers() if name.lower() == "allow"})
    return answer


def _fields(messages: dict[str, Any]) -> dict[str, Any]:
    """What is wrong, by field: without the place (`json`, `query`) that webargs puts around."""
    return {name: said for place in messages.values() if isinstance(place, dict) for name, said in place.items()}


def _database(error: SQLAlchemyError) -> Response:
    if isinstance(error, DBAPIError) and not error.connection_invalidated and error.orig is not None:
        log.error("The database refused a statement.", action="management_failed", error=type(error.orig).__name__)
    else:
        log.error("No database for the management API.", action="database_down", error=type(error).__name__)
    return problem(503, "unavailable", "The database cannot be used at the moment; try again shortly.")


def _unexpected(error: Exception) -> Response:
    """A fault of ours. The log has the traceback, the caller has not."""
    log.error("A management request could not be handled.", action="management_failed", exc_info=error)
    return problem(500, "internal", "Something went wrong on our side.")
