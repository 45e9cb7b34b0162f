"""Builds the management API: a Flask application of its own, with its own port and key."""

from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, abort, jsonify, request
from flask_smorest import Api

from receiver.authentication import Throttle
from shared import logs
from shared.accounts import instrument_file
from shared.config import Config
from shared.database.engine import Sessions, make_engine, make_sessions
from shared.errors import ConfigurationError
from shared.proquant import integrations_api
from tools.management import page
from tools.management.answers import Problem, register_error_handlers
from tools.management.key import Lock
from tools.management.routes import accounts, integrations, listings
from tools.operations import request_integration
from tools.operations.request_integration import Ask

LARGEST_BODY = 64 * 1024
CONNECTIONS = 8
OPEN_TO_ALL = frozenset({"healthz", "page", "api-docs.openapi_json"})
"""What tells nothing about any account: whether the process lives, and which requests it takes."""


@dataclass(frozen=True, slots=True)
class ManagementContext:
    """What the management API works with. `ask`: sends an integration request to ProQuant."""

    sessions: Sessions
    config: Config
    ask: Ask = integrations_api.ask


def make_app(config: Config) -> Flask:
    """The WSGI application. Make it after a fork. Raises ConfigurationError without a key: it is off then."""
    if config.management_key is None:
        raise ConfigurationError("BRIDGE_MANAGEMENT_KEY is not set: without it there is no management API.")
    logs.configure()
    sessions = make_sessions(make_engine(config.database_url, pool_size=CONNECTIONS))
    return make_routes(ManagementContext(sessions, config), Lock(config.management_key, Throttle()))


def make_routes(context: ManagementContext, lock: Lock) -> Flask:
    """The routes over what they work with; all but `OPEN_TO_ALL` behind the lock."""
    app = Flask("management", static_folder=None)
    app.config |= _settings()
    app.before_request(lambda: lock.check(OPEN_TO_ALL))
    app.before_request(_only_json)
    api = _ProblemApi(app)
    api.spec.components.security_scheme("key", {"type": "http", "scheme": "bearer"})
    file = instrument_file.load(context.config.instruments_file)
    api.register_blueprint(accounts.routes(context.sessions, context.config.secret_key, file))
    api.register_blueprint(
        integrations.routes(
            context.sessions,
            lambda wanted: request_integration.request_approval(context.sessions, context.config, wanted, context.ask),
        )
    )
    api.register_blueprint(listings.routes(context.sessions))

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="alive")

    app.add_url_rule("/", "page", lambda: page.render_page(api.spec.to_dict()))
    register_error_handlers(app)
    return app


def _only_json() -> None:
    """A body of another type would be taken for none at all, and its fields for missing."""
    if request.content_length and not request.is_json:
        abort(415)


class _ProblemApi(Api):  # type: ignore[misc]  # flask-smorest has no types
    """Documents the errors that we answer, in place of flask-smorest's own ones."""

    ERROR_SCHEMA = Problem


def _settings() -> dict[str, Any]:
    return {
        "API_TITLE": "proquant-bridge management",
        "API_VERSION": "1",
        "OPENAPI_VERSION": "3.1.0",
        "OPENAPI_URL_PREFIX": "/",
        "OPENAPI_JSON_PATH": "openapi.json",
        "API_SPEC_OPTIONS": {"security": [{"key": []}]},
        "MAX_CONTENT_LENGTH": LARGEST_BODY,
    }
