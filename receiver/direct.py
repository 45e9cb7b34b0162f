"""The way of a webhook around Flask's dispatcher, which would cost half as much as all that an event needs."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request

from receiver.body import LARGEST
from receiver.replies import answer_http_error, answer_unexpected, headers_of
from receiver.webhook import Desk, receive

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

WEBHOOKS = "/webhooks/proquant"

_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}


class _Webhook(Request):
    max_content_length = LARGEST


class Direct:
    """WSGI middleware: answers POST of a webhook by itself, and leaves all else to Flask."""

    def __init__(self, flask: "WSGIApplication", desk: Desk) -> None:
        self._flask = flask
        self._desk = desk

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """One request, in the thread or the greenlet that calls."""
        if environ["PATH_INFO"] != WEBHOOKS or environ["REQUEST_METHOD"] != "POST":
            return self._flask(environ, start_response)
        try:
            reply = receive(self._desk, _Webhook(environ))
        except HTTPException as error:
            return answer_http_error(error)(environ, start_response)
        except Exception as error:  # noqa: BLE001  # whatever it is, the sender gets an answer
            return answer_unexpected(error)(environ, start_response)
        start_response(_LINES[reply.status], headers_of(reply))
        return [reply.body]
