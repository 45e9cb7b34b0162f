"""The page in the browser: what there is, and a route for every button. It works without JavaScript too."""

import threading
from collections.abc import Callable, Iterator
from itertools import islice

from flask import Blueprint, Response, jsonify, render_template, request, url_for

from shared.domain import EventType
from tools.simulator import forms, notifications
from tools.simulator.app_user import AppUser
from tools.simulator.indentation import indented
from tools.simulator.misbehaviour import WELL_BEHAVED, SentVersions
from tools.simulator.model import NotPossible, UserDecision, WebhookCall
from tools.simulator.notification_rules import Notification
from tools.simulator.recipes import RECIPES
from tools.simulator.redaction import masked_url
from tools.simulator.state import State, View

SHOWN_CALLS = 40
SHOWN_NOTIFICATIONS = 12
WAIT_SECONDS = 2.0  # that a page's question for news may stay open: a stop waits for it
MOST_WAITING = 12  # pages; others are answered at once, and ask again
FRAGMENTS = ("integrations", "strategies", "phone", "calls", "behaviour", "options")
_ANSWERS = {
    "approve": EventType.INTEGRATION_APPROVED,
    "reject": EventType.INTEGRATION_REJECTED,
    "delete": EventType.INTEGRATION_DELETED,
}


def make_page(state: State, app_user: AppUser, seed: int) -> Blueprint:
    """The routes of the page."""
    page = Blueprint("page", __name__, template_folder="templates", static_folder="static", static_url_path="/static")
    page.add_app_template_filter(masked_url)
    page.add_app_template_filter(indented)
    waiting = threading.BoundedSemaphore(MOST_WAITING)

    @page.get("/")
    def index() -> str:
        return render_template("page.html", **_seen(state.view(), seed, SHOWN_CALLS))

    @page.get("/calls")
    def calls() -> str:
        return render_template("all_calls.html", **_seen(state.view(), seed, None))

    @page.get("/live")
    def live() -> Response:
        """The parts of the page that have news, as soon as there are any."""
        seen = request.args.get("since", -1, int)
        place = waiting.acquire(blocking=False)
        try:
            view = state.await_change(seen, WAIT_SECONDS if place else 0.0)
        finally:
            if place:
                waiting.release()
        values = _seen(view, seed, SHOWN_CALLS)
        parts = (
            {} if view.revision == seen else {name: render_template(f"_{name}.html", **values) for name in FRAGMENTS}
        )
        return jsonify(revision=view.revision, parts=parts)

    _add_actions(page, app_user)
    return page


def _add_actions(page: Blueprint, app_user: AppUser) -> None:
    @page.post("/integrations/<id_>/<answer>")
    def say(id_: str, answer: str) -> Response:
        if answer not in _ANSWERS:
            raise NotPossible("An integration can be approved, rejected or deleted.")
        return _done(lambda: app_user.say(id_, _ANSWERS[answer]))

    @page.post("/strategies")
    def add_strategy() -> Response:
        name = request.form.get("name", "").strip()
        if not (0 < len(name) <= 100 and name.isprintable()):
            raise NotPossible("A strategy needs a name of at most 100 characters.")
        return _done(lambda: app_user.add_strategy(name, forms.ticket(request.form)))

    @page.post("/strategies/<id_>/integrations/<integration>")
    def enable(id_: str, integration: str) -> Response:
        return _done(lambda: app_user.enable(id_, integration, request.form.get("enabled") == "yes"))

    @page.post("/signals")
    def signal() -> Response:
        return _done(lambda: app_user.signal(_strategy(), forms.kind(request.form), forms.ticket(request.form)))

    @page.post("/recipes")
    def cook() -> Response:
        return _done(lambda: app_user.cook(_strategy(), request.form.get("error", "")))

    @page.post("/schedule")
    def schedule() -> Response:
        return _done(lambda: app_user.schedule(_strategy(), forms.pace(request.form)))

    @page.post("/behaviour")
    def behave() -> Response:
        return _done(lambda: app_user.behave(forms.behaviour(request.form)))


def _done(action: Callable[[], object]) -> Response:
    """Does it; then the page again. A script asks for no page, and gets 204."""
    action()
    if request.headers.get("X-Requested-With") == "fetch":
        return Response(status=204)
    return Response(status=303, headers={"Location": url_for("page.index")})


def _seen(view: View, seed: int, most: int | None) -> dict[str, object]:
    """What the templates show."""
    return {
        "view": view,
        "calls": view.calls[:most],
        "told": list(islice(_told(view), SHOWN_NOTIFICATIONS)),
        "seed": seed,
        "recipes": RECIPES.values(),
        "versions": list(SentVersions),
        "misbehaves": view.behaviour != WELL_BEHAVED,
        "approved": [each for each in view.integrations.values() if each.standing is UserDecision.APPROVED],
    }


def _strategy() -> str:
    return request.form.get("strategy", "")


def _told(view: View) -> Iterator[tuple[WebhookCall, str, str]]:
    """What the phone has shown, newest first: the call, the title and the sentence."""
    for call in view.calls:
        if call.judgement is not None and call.judgement.notification is not Notification.NONE:
            shown = call.judgement.notification
            what = f"{call.type.removeprefix('SIGNAL_')} {call.summary}".strip()
            yield call, notifications.TITLE[shown], notifications.text(shown, call.integration, what)
