"""Turns answers into Flask responses; every error is answered in JSON, without details of the implementation."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog
from flask import Response
from werkzeug.exceptions import HTTPException

from shared.domain import GenericError
from shared.proquant.answers import STATUS, Reply, reply_for

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = structlog.get_logger()

BY_STATUS = {
    STATUS[error]: error
    for error in (
        GenericError.TOO_LARGE,
        GenericError.UNSUPPORTED_MEDIA_TYPE,
        GenericError.NOT_FOUND,
        GenericError.METHOD_NOT_ALLOWED,
        GenericError.BAD_REQUEST,
    )
}

UNREAD = {401, 413, 415, 429, 503}
"""Answers that are given, or may be, before the body was read."""


class WholeResponse(Response):
    """A response that is sent as it was made: its body is bytes, and its headers are complete."""

    default_mimetype = None

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Hands over to the server (PEP 3333). No header is derived, no stream has to be closed."""
        start_response(self.status, self.headers.to_wsgi_list())
        return () if environ["REQUEST_METHOD"] == "HEAD" else (self.get_data(),)


def headers_of(reply: Reply) -> list[tuple[str, str]]:
    """All that are sent with it. An accepted event is answered with nothing at all, and so has no type."""
    headers = [*reply.headers, ("Content-Length", str(len(reply.body)))]
    if reply.status in UNREAD:
        # Where the body was not read, and comes after the answer, the server breaks the connection off; unsaid, the
        # next request on it would be sent and never answered (4 of 100,000 in a fuzzed run, and one beside guessers).
        headers.append(("Connection", "close"))
    return headers


def to_response(reply: Reply) -> Response:
    """The answer as Flask sends it."""
    return WholeResponse(reply.body, reply.status, headers_of(reply))


def answer_http_error(error: HTTPException) -> Response:
    """What Flask itself refuses: an unknown path, another method, a request that is no HTTP."""
    response = to_response(reply_for(BY_STATUS.get(error.code or 500, GenericError.BAD_REQUEST)))
    response.headers.extend({name: value for name, value in error.get_headers() if name.lower() == "allow"})
    return response


def answer_unexpected(error: Exception) -> Response:
    """As `reply_unexpected`, for Flask."""
    return to_response(reply_unexpected(error))


def reply_unexpected(error: Exception) -> Reply:
    """A fault of ours. The log has the traceback, the caller has not."""
    log.error("A request could not be handled.", action="request_failed", exc_info=error)
    return reply_for(GenericError.INTERNAL)
