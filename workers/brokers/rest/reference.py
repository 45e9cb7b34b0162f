"""The reference implementation of the REST contract: any Broker of ours, the paper broker first, served over HTTP.

`proquant-bridge broker serve-paper` runs it. It is also what the conformance suite tries the adapter against.
"""

import hmac
import json
import os
from collections.abc import Callable
from datetime import datetime

from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from shared.domain import ErrorType
from workers.brokers.base import Broker, BrokerUnavailable, OrderRejected, OutcomeUnknown
from workers.brokers.registry import make_broker
from workers.brokers.rest import orders, wording
from workers.brokers.rest.errors import MALFORMED, ORDER_NOT_FOUND, OTHER, PROBLEM_JSON

TOKEN_VARIABLE = "BRIDGE_SERVED_TOKEN"  # noqa: S105 - a name, not a token
ACCOUNT_VARIABLE = "BRIDGE_SERVED_ACCOUNT"
SETTINGS_VARIABLE = "BRIDGE_SERVED_SETTINGS"


def make() -> Flask:
    """The paper broker of the account, the settings and the token that the environment names; a server calls it."""
    broker = make_broker("paper", json.loads(os.environ[SETTINGS_VARIABLE]), os.environ[ACCOUNT_VARIABLE])
    return make_app(broker, os.environ[TOKEN_VARIABLE])


def make_app(broker: Broker, token: str) -> Flask:
    """Serves `broker` to whoever has `token`. The eight calls of the contract, and nothing else."""
    app = Flask("reference", static_folder=None)
    app.before_request(lambda: _admitted(token))
    _add_reads(app, broker)
    app.add_url_rule("/orders/<client_order_id>", "submit", lambda client_order_id: _submit(broker, client_order_id),
                     methods=["PUT"])  # fmt: skip
    app.add_url_rule("/orders/<client_order_id>", "find", lambda client_order_id: _find(broker, client_order_id))
    app.register_error_handler(ValueError, lambda error: _problem(400, MALFORMED, str(error)))
    app.register_error_handler(OrderRejected, _refused)
    app.register_error_handler(BrokerUnavailable, _unavailable)
    app.register_error_handler(OutcomeUnknown, lambda error: _problem(502, "outcome_unknown", error.reason))
    app.register_error_handler(HTTPException, lambda error: _problem(error.code or 500, MALFORMED, str(error)))
    return app


def _add_reads(app: Flask, broker: Broker) -> None:
    reads: dict[str, Callable[[], object]] = {
        "capabilities": lambda: wording.capabilities(broker.capabilities),
        "instruments": lambda: {"instruments": [wording.instrument(each) for each in broker.instruments()]},
        "account": lambda: wording.account(broker.account()),
        "market": lambda: {"open": broker.is_open(request.args["symbol"], _moment(request.args["at"]))},
        "mark": lambda: {"mark": broker.mark()},
        "positions": lambda: {"positions": [wording.position(each) for each in broker.positions()]},
    }
    for name, read in reads.items():
        app.add_url_rule(f"/{name}", name, lambda read=read: _json(200, read()))


def _admitted(token: str) -> Response | None:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(given.encode(), token.encode()):
        return None
    return _problem(401, ErrorType.INVALID_CREDENTIALS, "This token is not known.")


def _submit(broker: Broker, client_order_id: str) -> Response:
    order = orders.asked(request.get_json(), client_order_id)
    return _json(200, wording.report(broker.submit(order)))


def _find(broker: Broker, client_order_id: str) -> Response:
    report = broker.find(orders.looked_up(client_order_id, request.args.get("mark")))
    if report is None:
        return _problem(404, ORDER_NOT_FOUND, "There is no such order now.")
    return _json(200, wording.report(report))


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("at has no zone")
    return at


def _refused(error: OrderRejected) -> Response:
    return _problem(wording.STATUS.get(error.type, 422), error.type or OTHER, error.reason)


def _unavailable(error: BrokerUnavailable) -> Response:
    """Nothing was done, and that is what 429 says of an order; of a read 503 says enough."""
    answer = _problem(429 if request.method == "PUT" else 503, "unavailable", error.reason)
    if error.retry_after is not None:
        answer.headers["Retry-After"] = str(round(error.retry_after))
    return answer


def _problem(status: int, word: str, detail: str) -> Response:
    return _json(status, {"type": word, "status": status, "detail": detail}, PROBLEM_JSON)


def _json(status: int, body: object, media_type: str = "application/json") -> Response:
    return Response(json.dumps(body), status, mimetype=media_type)
