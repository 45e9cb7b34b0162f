"""The composition root of the simulator: one process, one memory, one port."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from shared import logs
from shared.domain import Direction
from tools.http_post import post_json
from tools.simulator.api import make_api
from tools.simulator.app_user import AppUser
from tools.simulator.delivery import EventSender, Post
from tools.simulator.model import NotPossible, Ticket
from tools.simulator.page import make_page
from tools.simulator.schedule import Schedule
from tools.simulator.settings import Settings, load
from tools.simulator.state import State
from tools.simulator.url_guard import protect

STRATEGIES: Mapping[str, Ticket] = {
    "Gold High-Risk": Ticket("XAUUSD", Direction.BUY, Decimal(10)),
    "Euro Swing": Ticket("EURUSD", Direction.SELL, Decimal(5000)),
    "Bitcoin Trend": Ticket("BTCUSD", Direction.BUY, Decimal("0.05")),
}
"""What runs at the start, so that nobody has to make a strategy first."""


@dataclass(frozen=True, slots=True)
class Simulator:
    """The parts, for whoever drives them without a browser."""

    state: State
    sender: EventSender
    app_user: AppUser
    schedule: Schedule
    app: Flask


def make_app() -> Flask:
    """The WSGI application with the environment's settings, its schedule running. Make it once, in the one worker."""
    logs.configure()
    simulator = make(load())
    simulator.schedule.start()
    return simulator.app


def make(settings: Settings, post: Post = post_json, patience: float = 1.0) -> Simulator:
    """The simulator; its schedule does not run yet. `post` and `patience` as the courier's."""
    state = State(settings.behaviour, settings.keep)
    sender = EventSender(state, settings.seed, post, patience)
    app_user = AppUser(state, sender, settings.seed)
    for name, usual in STRATEGIES.items() if not state.view().strategies else ():
        app_user.add_strategy(name, usual)
    app = Flask(__name__, static_folder=None)
    protect(app, settings.allow_remote)
    app.register_blueprint(make_api(state, app_user))
    app.register_blueprint(make_page(state, app_user, settings.seed))
    app.add_url_rule("/healthz", view_func=lambda: jsonify(status="alive"))
    app.register_error_handler(NotPossible, _answer_not_possible)
    app.register_error_handler(HTTPException, _answer_http_error)
    return Simulator(state, sender, app_user, Schedule(state, app_user), app)


def _answer_not_possible(error: NotPossible) -> tuple[Response | str, int]:
    return _answer(str(error), "not_possible", 409)


def _answer_http_error(error: HTTPException) -> tuple[Response | str, int]:
    return _answer(error.description or error.name, error.name.lower().replace(" ", "_"), error.code or 500)


def _answer(detail: str, word: str, status: int) -> tuple[Response | str, int]:
    """For a person a page, for a program JSON."""
    if request.accept_mimetypes.best_match(["application/json", "text/html"]) == "text/html":
        return render_template("refused.html", detail=detail), status
    return jsonify(error=word, detail=detail), status
