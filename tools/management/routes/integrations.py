"""Integrations: requested of ProQuant, listed, and their tokens taken away."""

from collections.abc import Callable
from typing import Any

from flask_smorest import Blueprint

from shared.accounts import integrations
from shared.database.engine import Sessions
from tools.management.schemas import IntegrationCreated, IntegrationView, NewIntegration, OfAccount
from tools.operations.request_integration import CreatedIntegration, IntegrationOptions
from tools.views import listings

Json = dict[str, Any]


def routes(sessions: Sessions, create: Callable[[IntegrationOptions], CreatedIntegration]) -> Blueprint:
    """The routes, over this database; `create` asks ProQuant."""
    blueprint = Blueprint("integrations", __name__, description="Users who may send signals to an account")

    @blueprint.get("/integrations")
    @blueprint.arguments(OfAccount, location="query")
    @blueprint.response(200, IntegrationView(many=True))
    def listed(asked: Json) -> list[Json]:
        """List the integrations, and where each stands"""
        with sessions() as session:
            return listings.integrations(session, asked["account"])

    @blueprint.post("/accounts/<name>/integrations")
    @blueprint.arguments(NewIntegration)
    @blueprint.response(201, IntegrationCreated)
    def request(wanted: Json, name: str) -> CreatedIntegration:
        """Ask ProQuant for the approval of a user; safe to repeat

        What ProQuant has already is not sent again, and what it never answered is sent again as it was.
        """
        return create(
            IntegrationOptions(name, wanted["user_email"], wanted["name"], wanted["description"], wanted["image_url"])
        )

    @blueprint.delete("/accounts/<name>/integrations/<user_email>")
    @blueprint.response(204)
    def revoke(name: str, user_email: str) -> None:
        """Take the token of a user's integration away; ProQuant does not hear of it"""
        with sessions.begin() as session:
            integrations.revoke(session, name, user_email)

    return blueprint
