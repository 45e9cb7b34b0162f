"""Integration requests by the command line, against an HTTP server that stands for ProQuant."""

import json
import socket
from collections.abc import Callable

import pytest
from click.testing import Result
from sqlalchemy import func, select

from shared import accounts
from shared.db import Sessions
from shared.keys import token_hash
from shared.tables import Account, Token
from tests.bridge import Bridge, lifecycle
from tests.cli.runner import Cli
from tests.cli.server import LoopbackServer

Check = Callable[[Result, str], None]
CREATE = ("integrations", "create", "--account", "demo", "--user-email", "user@example.com")


@pytest.fixture
def asking(cli: Cli, server: LoopbackServer, token: str) -> Cli:
    """The command line with ProQuant's API at the server, and the account `demo`."""
    places = {"BRIDGE_PROQUANT_API_URL": server.url + "/api", "BRIDGE_PUBLIC_URL": "https://bridge.example.com/"}
    return Cli({**cli.environment, **places})


def test_the_request_is_the_one_of_the_guide(asking: Cli, server: LoopbackServer) -> None:
    server.status = 201
    created = asking.json(*CREATE)
    asked = server.asked[0]
    assert asked.path == "/api"
    assert asked.headers["content-type"] == "application/json"
    sent = json.loads(asked.body)
    authorization = sent["webhook"]["headers"].pop("Authorization")
    assert sent == {
        "name": "demo",
        "description": "ProQuant Bridge",
        "imageUrl": "https://bridge.example.com/logo.png",
        "userEmail": "user@example.com",
        "webhook": {"url": "https://bridge.example.com/webhooks/proquant", "headers": {}},
    }
    assert authorization.startswith("Bearer ")
    assert created == {
        "account": "demo",
        "user_email": "user@example.com",
        "webhook_url": "https://bridge.example.com/webhooks/proquant",
    }


def test_what_the_user_sees_can_be_chosen(asking: Cli, server: LoopbackServer) -> None:
    asking.json(*CREATE, "--name", "Ann", "--description", "Foo", "--image-url", "https://foo.example/l.png")
    sent = json.loads(server.asked[0].body)
    assert (sent["name"], sent["description"], sent["imageUrl"]) == ("Ann", "Foo", "https://foo.example/l.png")


def test_the_integration_gets_a_token_of_its_own_beside_the_older_one(
    asking: Cli, server: LoopbackServer, token: str, sessions: Sessions
) -> None:
    shown = asking(*CREATE).output
    fresh = json.loads(server.asked[0].body)["webhook"]["headers"]["Authorization"].removeprefix("Bearer ")
    assert fresh != token
    assert fresh not in shown
    with sessions.begin() as session:
        assert accounts.with_token_hash(session, token_hash(fresh)) is not None
        assert accounts.with_token_hash(session, token_hash(token)) is not None


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500])
def test_an_answer_that_is_no_success_is_an_error_and_nothing_is_sent_twice(
    asking: Cli, server: LoopbackServer, fails_clearly: Check, status: int
) -> None:
    server.status, server.body = status, b"no such\nuser \x1b[2J"
    server.headers = {"Location": server.url + "/elsewhere"}
    result = asking(*CREATE)
    fails_clearly(result, f"ProQuant answered {status}: no such user")
    assert "\x1b" not in result.stderr
    assert [asked.path for asked in server.asked] == ["/api"]


def test_an_api_that_cannot_be_reached_is_named(asking: Cli, fails_clearly: Check) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    fails_clearly(asking(*CREATE, BRIDGE_PROQUANT_API_URL=f"http://127.0.0.1:{port}/api"), "cannot be reached")


@pytest.mark.parametrize("url", ["http://bridge.example.com", "ftp://127.0.0.1", "bridge", "https://", "http://[::1"])
def test_a_public_url_that_is_not_safe_is_refused_before_a_token_is_made(
    asking: Cli, fails_clearly: Check, sessions: Sessions, url: str
) -> None:
    fails_clearly(asking(*CREATE, BRIDGE_PUBLIC_URL=url), repr(url))
    with sessions.begin() as session:
        assert session.scalar(select(func.count()).select_from(Token)) == 1


def test_a_token_never_goes_out_in_the_clear(asking: Cli, fails_clearly: Check) -> None:
    fails_clearly(asking(*CREATE, BRIDGE_PROQUANT_API_URL="http://proquant.example.com"), "must begin with https://")


def test_without_a_public_url_nothing_is_sent(asking: Cli, server: LoopbackServer, fails_clearly: Check) -> None:
    fails_clearly(asking(*CREATE, BRIDGE_PUBLIC_URL=""), "BRIDGE_PUBLIC_URL is not set")
    assert server.asked == []


def test_an_account_that_nobody_knows_is_not_announced(
    asking: Cli, server: LoopbackServer, fails_clearly: Check
) -> None:
    unknown = ("integrations", "create", "--account", "ghost", "--user-email", "user@example.com")
    fails_clearly(asking(*unknown), "no account named 'ghost'")
    assert server.asked == []


def test_the_list_shows_what_the_user_said_last_and_when(bridge: Bridge, cli: Cli) -> None:
    cli.json("accounts", "create", "never", "--broker", "paper")
    event = lifecycle("INTEGRATION_APPROVED")
    assert bridge.post(event).status_code == 200
    with bridge.sessions.begin() as session:
        at = session.scalars(select(Account.integration_at_ms).where(Account.name == "alice")).one()
    assert at == event.timestamp_ms
    approved, never = cli.json("integrations", "list")
    assert (approved["account"], approved["integration"]) == ("alice", "approved")
    assert approved["integration_at"].endswith("+00:00")
    assert never == {"account": "never", "integration": "unknown", "integration_at": None}
