"""What has happened: events and their receipts, orders, positions and alerts, a page at a time."""

import json
from typing import Any

import marshmallow as ma
from flask import Response
from flask_smorest import Blueprint
from marshmallow import fields

from shared.database.engine import Sessions
from shared.domain import EventState
from tools.cli.options import LARGEST_ID
from tools.cli.output import plain
from tools.management.schemas import Page
from tools.operations.resolve_event import UnknownEventId
from tools.views import listings
from tools.views import receipt as receipts

Json = dict[str, Any]


class EventPage(Page):
    """Which events."""

    state = fields.Enum(EventState, by_value=True, load_default=None)


class PositionPage(Page):
    """Which positions. `orphaned`: open, and no signal will close them any more."""

    open = fields.Boolean(load_default=False)
    orphaned = fields.Boolean(load_default=False)


class Rows(ma.Schema):
    """A page of rows; `next_before` is the `before` of the next page, null on the last one."""

    rows = fields.List(fields.Dict())
    next_before = fields.Integer(allow_none=True)


def routes(sessions: Sessions) -> Blueprint:
    """The routes, over this database."""
    blueprint = Blueprint("listings", __name__, description="What has happened, the newest first")

    @blueprint.get("/events")
    @blueprint.arguments(EventPage, location="query")
    @blueprint.alt_response(200, schema=Rows, success=True)
    def events(asked: Json) -> Response:
        """List the events that ProQuant has sent, and those that the bridge has made of them"""
        with sessions() as session:
            found = listings.events(session, asked["account"], asked["state"], asked["limit"] + 1, asked["before"])
        return _page(found, asked["limit"])

    @blueprint.get("/events/<int:event_id>")
    def receipt(event_id: int) -> Response:
        """Show the receipt of an event: everything that is known about it"""
        with sessions() as session:
            found = receipts.receipt(session, event_id) if event_id <= LARGEST_ID else None
        if found is None:
            raise UnknownEventId(f"There is no event {event_id}.")
        return _json(found)

    @blueprint.get("/orders")
    @blueprint.arguments(Page, location="query")
    @blueprint.alt_response(200, schema=Rows, success=True)
    def orders(asked: Json) -> Response:
        """List the orders"""
        with sessions() as session:
            found = listings.orders(session, asked["account"], asked["limit"] + 1, asked["before"])
        return _page(found, asked["limit"])

    @blueprint.get("/positions")
    @blueprint.arguments(PositionPage, location="query")
    @blueprint.alt_response(200, schema=Rows, success=True)
    def positions(asked: Json) -> Response:
        """List what strategies hold, and held"""
        with sessions() as session:
            found = listings.positions(
                session, asked["account"], asked["open"], asked["limit"] + 1, asked["before"], asked["orphaned"]
            )
        return _page(found, asked["limit"])

    @blueprint.get("/alerts")
    @blueprint.arguments(Page, location="query")
    @blueprint.alt_response(200, schema=Rows, success=True)
    def alerts(asked: Json) -> Response:
        """List what a person should know"""
        with sessions() as session:
            found = listings.alerts(session, asked["limit"] + 1, asked["account"], asked["before"])
        return _page(found, asked["limit"])

    return blueprint


def _page(found: list[Json], limit: int) -> Response:
    """One row more than the page has room for was asked for: it tells whether there is another page."""
    rows = found[:limit]
    return _json({"rows": rows, "next_before": rows[-1]["id"] if len(found) > limit else None})


def _json(value: object) -> Response:
    return Response(json.dumps(value, default=plain), mimetype="application/json")
