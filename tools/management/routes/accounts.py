"""Accounts: created, listed, paused and resumed, their tokens rotated, their policies set."""

from typing import Any

from flask_smorest import Blueprint

from shared.accounts import accounts
from shared.accounts.instrument_choices import InstrumentFile
from shared.database.engine import Sessions
from tools.management.schemas import AccountCreated, AccountToken, AccountView, NewAccount, Policies
from tools.operations import open_account
from tools.operations.open_account import Application
from tools.views import listings

Json = dict[str, Any]


def routes(sessions: Sessions, secret_key: str | None, file: InstrumentFile) -> Blueprint:
    """The routes, over this database; `secret_key` encrypts the settings of brokers. `file`: of the instruments."""
    blueprint = Blueprint("accounts", __name__, url_prefix="/accounts", description="Whom the bridge trades for")

    @blueprint.get("")
    @blueprint.response(200, AccountView(many=True))
    def listed() -> list[Json]:
        """List the accounts"""
        with sessions() as session:
            return listings.all_accounts(session)

    @blueprint.post("")
    @blueprint.arguments(NewAccount)
    @blueprint.response(201, AccountCreated)
    def create(wanted: Json) -> Json:
        """Create an account; its token is in this answer and nowhere else"""
        opened = open_account.open_account(sessions, Application(**wanted), secret_key, file)
        return {"account": wanted["name"], "token": opened.token, "warnings": opened.warnings}

    @blueprint.post("/<name>/token")
    @blueprint.response(201, AccountToken)
    def rotate(name: str) -> Json:
        """Make a new token; every older one of the account stops working, those of integrations too"""
        with sessions.begin() as session:
            return {"account": name, "token": accounts.rotate_token(session, name)}

    @blueprint.post("/<name>/pause")
    @blueprint.response(200, AccountView)
    def pause(name: str) -> Json:
        """Pause the account: it opens nothing, and still closes"""
        with sessions.begin() as session:
            accounts.set_paused(session, name, True)
        return _view(sessions, name)

    @blueprint.post("/<name>/resume")
    @blueprint.response(200, AccountView)
    def resume(name: str) -> Json:
        """Let the account open positions again"""
        with sessions.begin() as session:
            accounts.set_paused(session, name, False)
        return _view(sessions, name)

    @blueprint.patch("/<name>/policy")
    @blueprint.arguments(Policies)
    @blueprint.response(200, AccountView)
    def policy(chosen: Json, name: str) -> Json:
        """Say what becomes of positions that no signal will close any more"""
        with sessions.begin() as session:
            accounts.set_policy(session, name, **chosen)
        return _view(sessions, name)

    return blueprint


def _view(sessions: Sessions, name: str) -> Json:
    with sessions() as session:
        return next(row for row in listings.all_accounts(session) if row["account"] == name)
