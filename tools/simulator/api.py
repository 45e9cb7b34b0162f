"""ProQuant's integrations API, as the guide describes it ("Creating an Integration")."""

from flask import Blueprint, Response, jsonify, request

from tools.simulator.app_user import AppUser
from tools.simulator.integration_request import API_VERSION, InvalidRequest
from tools.simulator.model import NotPossible
from tools.simulator.state import State

PATH = "/api/integrations/<version>/integrations"


def make_api(state: State, app_user: AppUser) -> Blueprint:
    """The API's one route. What ProQuant answers is not in the guide: 201 and the integration's id are our choice."""
    api = Blueprint("api", __name__)

    @api.post(PATH)
    def create(version: str) -> tuple[Response, int]:
        if version != API_VERSION:
            return _refused(
                "unknown_version", f"There is no version {version[:20]} of this API, only {API_VERSION}.", 404
            )
        if request.mimetype != "application/json":
            return _refused("unsupported_media_type", "The content type must be application/json.", 415)
        try:
            integration = app_user.request(request.get_data())
        except InvalidRequest as error:
            return _refused("invalid_request", str(error), 400)
        except NotPossible as error:
            return _refused("too_many_requests", str(error), 429)
        if state.view().behaviour.lose_answers:
            return _refused("gateway_timeout", "The answer was lost on its way; the request was taken.", 504)
        return jsonify(id=integration.id, status=integration.standing), 201

    return api


def _refused(word: str, detail: str, status: int) -> tuple[Response, int]:
    return jsonify(error=word, detail=detail), status
