"""Builds the application that a receiver process serves: its composition root."""

from pathlib import Path

from flask import Flask, Request, Response, jsonify, send_file
from redis import Redis
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from receiver import group_commit
from receiver.answer_log import AnswerLog
from receiver.authentication import AccountCache, Throttle
from receiver.group_commit import GroupCommit
from receiver.health import readiness
from receiver.metrics import CONTENT_TYPE, Metrics
from receiver.outcome_waiter import OutcomeWaiter
from receiver.precheck import InstrumentCache
from receiver.protocol_versions import VersionLog
from receiver.transport.asgi import AsgiApp
from receiver.transport.greenlets import in_thread
from receiver.transport.request import LARGEST
from receiver.transport.responses import answer_http_error, answer_unexpected
from receiver.webhook import ReceiverContext, add_route
from shared import logs
from shared.config import Config
from shared.database.engine import make_engine, make_sessions
from shared.queue.doorbell import Doorbell, make_celery

LOGO = Path(__file__).parent / "logo.png"
PLACES_TO_WAIT = 24  # of the server's threads of one process: the others always accept
HEARING_SECONDS = 5


def make_app(config: Config) -> AsgiApp:
    """The ASGI application. Make it after a fork: it owns connections and threads that hear and write."""
    logs.configure()
    sessions = make_sessions(make_engine(config.database_url, pool_size=16))
    hearing = Redis.from_url(
        config.redis_url, socket_connect_timeout=1, socket_keepalive=True, health_check_interval=HEARING_SECONDS
    )
    waiting = OutcomeWaiter(hearing, PLACES_TO_WAIT)
    answered = AnswerLog(sessions)
    doorbell = Doorbell(make_celery(config.redis_url))
    shared_commits = make_sessions(
        make_engine(
            config.database_url,
            group_commit.CONNECTIONS,
            group_commit.LOCK_TIMEOUT_MS,
            plan_once=True,
            patience=group_commit.PATIENCE_SECONDS,
        )
    )
    writer = GroupCommit(shared_commits, doorbell.ring)
    context = ReceiverContext(
        sessions=sessions,
        directory=AccountCache(sessions),
        throttle=Throttle(),
        instruments=InstrumentCache(sessions),
        versions=VersionLog(sessions),
        doorbell=doorbell,
        waiting=waiting,
        wait=config.response_wait,
        answered=answered.note,
        writer=writer,
    )
    answered.start()
    if config.response_wait > 0:
        waiting.start()
    metrics = Metrics(sessions, config.sweep_interval, config.deprecation_warning_days) if config.metrics else None
    routes = make_routes(context, config.sweep_interval, metrics)
    return AsgiApp(routes, answered.stop)


def make_routes(context: ReceiverContext, sweep_interval: float, metrics: Metrics | None = None) -> Flask:
    """The routes of the receiver over what they work with. Without `metrics` there is no such page."""
    app = Receiver("receiver", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST

    add_route(app, context)

    @app.get("/logo.png")
    def logo() -> Response:
        """The avatar that ProQuant's app shows beside an integration."""
        return send_file(LOGO, mimetype="image/png", max_age=86_400)

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="alive")

    @app.get("/readyz")
    def readyz() -> Response:
        found = in_thread(readiness, context.sessions, sweep_interval)
        response = jsonify(ready=not found.reasons, reasons=found.reasons, **found.details)
        response.status_code = 503 if found.reasons else 200
        return response

    if metrics is not None:

        @app.get("/metrics")
        def metrics_page() -> Response:
            return Response(in_thread(metrics.page), content_type=CONTENT_TYPE)

    app.register_error_handler(HTTPException, answer_http_error)
    app.register_error_handler(Exception, answer_unexpected)
    return app


class Receiver(Flask):
    """A Flask application whose routes are found by path and method: none of them looks at the `Host` header."""

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        """Without reading from the request what it would take to build an address, which no route does."""
        if request is None:
            return None
        return self.url_map.bind("", path_info=request.path, default_method=request.method)
