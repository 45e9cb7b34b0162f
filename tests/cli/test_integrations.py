"""Integration requests by the command line, against an HTTP server that stands for ProQuant."""

import json
import socket
from collections.abc import Callable

import pytest
from click.testing import Result
from sqlalchemy import func, select

from shared.accounts import accounts
from shared.database.engine import Sessions
from shared.database.tables.accounts import Account, IntegrationRow, Token
from shared.keys import token_hash
from tests.cli.runner import Cli
from tests.cli.server import LoopbackServer
from tests.support.in_process_bridge import Bridge, lifecycle, signal

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
        "integration": "requested",
        "asked": True,
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


@pytest.mark.parametrize("status", [400, 500])
def test_a_token_that_the_far_end_echoes_is_neither_shown_nor_stored(
    asking: Cli, server: LoopbackServer, sessions: Sessions, status: int
) -> None:
    """It was printed, stored in clear and listed; after a 500 it worked on."""
    server.status, server.echoes = status, True
    result = asking(*CREATE)
    token = json.loads(server.asked[0].body)["webhook"]["headers"]["Authorization"].removeprefix("Bearer ")
    with sessions() as session:
        problem = session.scalars(select(IntegrationRow.problem)).one() or ""
    assert "[secret]" in problem
    for shown in (result.output, result.stderr, problem, asking("integrations", "list", "--json").output):
        assert not [token[at : at + 8] for at in range(len(token) - 7) if token[at : at + 8] in shown]


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


def sent_tokens(server: LoopbackServer) -> list[str]:
    sent = [json.loads(asked.body)["webhook"]["headers"]["Authorization"] for asked in server.asked]
    return [authorization.removeprefix("Bearer ") for authorization in sent]


def working(sessions: Sessions, tokens: list[str]) -> list[bool]:
    with sessions.begin() as session:
        return [accounts.with_token_hash(session, token_hash(token)) is not None for token in tokens]


def live_tokens(sessions: Sessions) -> int:
    """Of the account `demo`: its own one, and those of its integrations."""
    with sessions.begin() as session:
        return session.scalar(select(func.count()).select_from(Token).where(Token.revoked_at.is_(None))) or 0


def states(cli: Cli) -> list[tuple[str, str]]:
    listed = cli.json("integrations", "list")
    return [(row["user_email"], row["integration"]) for row in listed if row["user_email"] is not None]


def test_a_request_whose_answer_is_lost_is_repeated_with_the_same_token(
    asking: Cli, server: LoopbackServer, fails_clearly: Check, sessions: Sessions
) -> None:
    server.drops = 2
    for _ in range(2):
        fails_clearly(asking(*CREATE), "did not answer properly")
    assert states(asking) == [("user@example.com", "unanswered")]
    assert working(sessions, sent_tokens(server)) == [True, True]
    assert asking.json(*CREATE)["asked"] is True
    assert len(set(sent_tokens(server))) == 1
    assert live_tokens(sessions) == 2
    assert states(asking) == [("user@example.com", "requested")]


def test_a_request_that_was_answered_is_not_sent_again(asking: Cli, server: LoopbackServer) -> None:
    asking.json(*CREATE)
    again = asking.json("integrations", "create", "--account", "demo", "--user-email", " USER@example.com")
    assert (again["asked"], again["integration"]) == (False, "requested")
    assert len(server.asked) == 1
    assert "Nothing was sent" in asking(*CREATE).stdout


def test_the_token_of_a_refused_request_works_no_more_and_the_next_has_another(
    asking: Cli, server: LoopbackServer, sessions: Sessions
) -> None:
    server.status = 400
    asking(*CREATE)
    assert working(sessions, sent_tokens(server)) == [False]
    server.status = 201
    asking.json(*CREATE)
    assert working(sessions, sent_tokens(server)) == [False, True]
    assert states(asking) == [("user@example.com", "refused"), ("user@example.com", "requested")]


def test_a_refusal_after_a_lost_answer_leaves_the_token_that_may_have_arrived(
    asking: Cli, server: LoopbackServer, sessions: Sessions, fails_clearly: Check
) -> None:
    server.drops, server.status = 1, 409
    asking(*CREATE)
    fails_clearly(asking(*CREATE), "An earlier request may have arrived")
    first, second = sent_tokens(server)
    assert first == second
    assert working(sessions, [first]) == [True]


@pytest.mark.parametrize("status", [500, 502, 503])
def test_a_fault_of_proquants_proves_nothing(
    asking: Cli, server: LoopbackServer, sessions: Sessions, status: int
) -> None:
    server.status = status
    asking(*CREATE)
    assert working(sessions, sent_tokens(server)) == [True]
    assert states(asking) == [("user@example.com", "unanswered")]


def test_a_token_is_kept_only_until_it_was_answered_and_never_in_the_clear(
    asking: Cli, server: LoopbackServer, sessions: Sessions
) -> None:
    server.drops = 1
    asking(*CREATE)
    (token,) = sent_tokens(server)
    with sessions.begin() as session:
        pending = session.scalars(select(IntegrationRow.pending_token)).one()
    assert pending is not None
    assert token not in pending
    asking.json(*CREATE)
    with sessions.begin() as session:
        assert session.scalars(select(IntegrationRow.pending_token)).one() is None


def test_an_approval_answers_a_request_whose_answer_was_lost(bridge: Bridge, cli: Cli, server: LoopbackServer) -> None:
    places = {"BRIDGE_PROQUANT_API_URL": server.url + "/api", "BRIDGE_PUBLIC_URL": "https://bridge.example.com/"}
    asking = Cli({**cli.environment, **places})
    server.drops = 1
    command = ("integrations", "create", "--account", "alice", "--user-email", "user@example.com")
    asking(*command)
    (token,) = sent_tokens(server)
    assert bridge.post(lifecycle("INTEGRATION_APPROVED"), token).status_code == 200
    assert "it is approved" in asking(*command).stdout
    assert bridge.post(signal("SIGNAL_OPEN"), token).status_code == 200


def test_after_the_user_deleted_it_a_new_one_is_requested_with_a_token_of_its_own(
    bridge: Bridge, cli: Cli, server: LoopbackServer
) -> None:
    places = {"BRIDGE_PROQUANT_API_URL": server.url + "/api", "BRIDGE_PUBLIC_URL": "https://bridge.example.com/"}
    asking = Cli({**cli.environment, **places})
    command = ("integrations", "create", "--account", "alice", "--user-email", "user@example.com")
    assert asking(*command).exit_code == 0
    (first,) = sent_tokens(server)
    for type_ in ("INTEGRATION_APPROVED", "INTEGRATION_DELETED"):
        bridge.post(lifecycle(type_), first)
    assert asking(*command).exit_code == 0
    second = sent_tokens(server)[1]
    bridge.post(lifecycle("INTEGRATION_APPROVED"), second)
    assert bridge.post(signal("SIGNAL_OPEN", "A"), first).status_code == 401
    assert bridge.post(signal("SIGNAL_OPEN", "B"), second).status_code == 200
    with bridge.sessions() as session:
        assert list(session.scalars(select(IntegrationRow.state).order_by(IntegrationRow.id))) == [
            "deleted",
            "approved",
        ]


def test_a_revoked_integration_is_refused_and_can_be_requested_anew(
    asking: Cli, server: LoopbackServer, sessions: Sessions
) -> None:
    asking.json(*CREATE)
    revoke = ("integrations", "revoke", *CREATE[2:])
    assert asking(*revoke).exit_code == 0
    assert working(sessions, sent_tokens(server)) == [False]
    asking.json(*CREATE)
    assert working(sessions, sent_tokens(server)) == [False, True]
    assert states(asking) == [("user@example.com", "revoked"), ("user@example.com", "requested")]


@pytest.mark.parametrize("email", ["", "nobody", "a b@example.com", "@example.com"])
def test_what_is_no_email_is_refused(asking: Cli, server: LoopbackServer, fails_clearly: Check, email: str) -> None:
    command = ("integrations", "create", "--account", "demo", "--user-email", email)
    fails_clearly(asking(*command), "is not an e-mail address")
    assert server.asked == []


def test_the_list_shows_what_the_user_said_last_and_when(bridge: Bridge, cli: Cli) -> None:
    cli.json("accounts", "create", "never", "--broker", "paper")
    event = lifecycle("INTEGRATION_APPROVED")
    assert bridge.post(event).status_code == 200
    with bridge.sessions.begin() as session:
        at = session.scalars(select(Account.integration_at_ms).where(Account.name == "alice")).one()
    assert at == event.timestamp_ms
    approved, never = cli.json("integrations", "list")
    assert (approved["account"], approved["user_email"], approved["integration"]) == ("alice", None, "approved")
    assert approved["integration_at"].endswith("+00:00")
    assert (never["account"], never["integration"], never["integration_at"]) == ("never", "unknown", None)
