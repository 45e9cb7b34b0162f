"""`send` posts what ProQuant would, and shows what ProQuant would show its user."""

import json
import threading
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from click.testing import Result
from werkzeug.serving import make_server

from shared.domain import Direction, EventType, LifecycleEvent, SignalEvent
from shared.proquant import envelope
from tests.cli.runner import BRIDGE, Cli, run
from tests.cli.server import LoopbackServer
from tests.support.in_process_bridge import Bridge
from tools.local import lock
from tools.local.services import ANNOUNCEMENT

Check = Callable[[Result, str], None]
TRADE = ("--ticker", "XAUUSD", "--direction", "BUY", "--quantity", "10")


@pytest.fixture
def to_server(offline: Cli, server: LoopbackServer) -> Cli:
    """The command line without a database; the receiver is the server, on the port that PORT names."""
    return Cli({**offline.environment, "PORT": server.url.rpartition(":")[2], "PROQUANT_BRIDGE_TOKEN": "sesame"})


@pytest.fixture
def at_bridge(cli: Cli, bridge: Bridge, tmp_path: Path) -> Iterator[Callable[..., CompletedProcess[str]]]:
    """Runs commands as a user does, with the token of `alice`; the receiver is the real one."""
    server = make_server("127.0.0.1", 0, bridge.client.application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    given = {**cli.environment, "PORT": str(server.server_port), "PROQUANT_BRIDGE_TOKEN": bridge.token}
    yield lambda *arguments: run(tmp_path, str(BRIDGE), *arguments, **given)
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_body_is_the_event_that_was_asked_for(to_server: Cli, server: LoopbackServer) -> None:
    rest = ("--strategy", "s9", "--strategy-name", "Nine", "--position", "p9", "--timestamp", "1549623690730")
    result = to_server("send", "SIGNAL_OPEN", "--account", "demo", *TRADE, *rest)
    assert result.exit_code == 0, result.output
    asked = server.asked[0]
    assert asked.path == "/webhooks/proquant"
    assert asked.headers["authorization"] == "Bearer sesame"
    assert envelope.read(asked.body).event == SignalEvent(
        EventType.SIGNAL_OPEN, 1549623690730, "s9", "Nine", "p9", Direction.BUY, "XAUUSD", Decimal(10)
    )


def test_the_body_echoes_the_integration_as_proquant_does(to_server: Cli, server: LoopbackServer) -> None:
    to_server("send", "SIGNAL_OPEN", "--account", "demo", *TRADE)
    integration = json.loads(server.asked[0].body)["v1"]["event"]["integration"]
    assert integration["name"] == "demo"
    assert integration["webhook"]["headers"] == {"Authorization": "Bearer sesame"}


def test_a_new_position_has_an_id_that_no_other_has(to_server: Cli) -> None:
    send = ("send", "SIGNAL_REOPEN", "--account", "demo", *TRADE)
    assert len({to_server.json(*send)["proquant_position_id"] for _ in range(3)}) == 3


@pytest.mark.parametrize(
    ("type_", "event"),
    [
        ("STRATEGY_DISABLED", LifecycleEvent(EventType.STRATEGY_DISABLED, 5, "s9", "Nine")),
        ("INTEGRATION_DELETED", LifecycleEvent(EventType.INTEGRATION_DELETED, 5)),
    ],
)
def test_lifecycle_events_are_sent_too(
    to_server: Cli, server: LoopbackServer, type_: str, event: LifecycleEvent
) -> None:
    to_server("send", type_, "--account", "demo", "--strategy", "s9", "--strategy-name", "Nine", "--timestamp", "5")
    assert envelope.read(server.asked[0].body).event == event


def test_an_error_is_shown_with_what_it_means_and_the_exit_code_says_so(to_server: Cli, server: LoopbackServer) -> None:
    server.status, server.body = 422, '{"type":"InsufficientFunds","detail":"No \u202e."}'.encode()
    server.headers = {"Content-Type": "application/json", "X-ProQuant-Error": "1"}
    result = to_server("send", "SIGNAL_OPEN", "--account", "demo", *TRADE)
    assert result.exit_code == 1
    assert "status    422" in result.stdout
    assert "x-proquant-error  1" in result.stdout
    assert "meaning   InsufficientFunds" in result.stdout
    assert "\u202e" not in result.stdout


def test_an_answer_without_the_header_is_a_generic_one(to_server: Cli, server: LoopbackServer) -> None:
    server.status, server.body = 503, b'{"error":"unavailable"}'
    server.headers = {"Content-Type": "application/json", "Retry-After": "5"}
    result = to_server("send", "SIGNAL_OPEN", "--account", "demo", *TRADE, "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["status"] == 503
    assert told["headers"] == {"content-type": "application/json", "retry-after": "5"}
    assert told["meaning"] == "generic"


def test_a_redirect_is_an_answer_and_is_not_followed(to_server: Cli, server: LoopbackServer) -> None:
    server.status, server.headers = 307, {"Location": server.url + "/elsewhere"}
    assert to_server("send", "SIGNAL_OPEN", "--account", "demo", *TRADE).exit_code == 1
    assert len(server.asked) == 1


def test_the_token_may_stand_in_a_file(to_server: Cli, server: LoopbackServer, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n")
    to_server("send", "SIGNAL_OPEN", "--account", "demo", "--token-file", str(file), *TRADE)
    assert server.asked[0].headers["authorization"] == "Bearer from-file"


def test_the_token_on_the_command_line_comes_before_the_environment(to_server: Cli, server: LoopbackServer) -> None:
    to_server("send", "SIGNAL_OPEN", "--account", "demo", "--token", "given", *TRADE)
    assert server.asked[0].headers["authorization"] == "Bearer given"


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak", "schlüssel"])
def test_a_token_that_cannot_be_one_is_a_mistake_of_usage(to_server: Cli, server: LoopbackServer, token: str) -> None:
    result = to_server("send", "SIGNAL_OPEN", "--account", "demo", *TRADE, PROQUANT_BRIDGE_TOKEN=token)
    assert result.exit_code == 2
    assert server.asked == []
    assert not token.strip() or token not in result.output


@pytest.mark.parametrize("missing", ["--ticker", "--direction", "--quantity"])
def test_a_signal_that_misses_something_is_a_mistake_of_usage(to_server: Cli, missing: str) -> None:
    at = TRADE.index(missing)
    result = to_server("send", "SIGNAL_OPEN", "--account", "demo", *TRADE[:at], *TRADE[at + 2 :])
    assert result.exit_code == 2
    assert missing in result.stderr


def test_the_receiver_is_the_one_that_make_run_announces(
    to_server: Cli, server: LoopbackServer, tmp_path: Path
) -> None:
    elsewhere = Cli({**to_server.environment, "PORT": ""})
    with lock.held(tmp_path / "var"):
        (tmp_path / "var" / ANNOUNCEMENT).write_text(json.dumps({"PORT": to_server.environment["PORT"]}))
        assert elsewhere("send", "SIGNAL_OPEN", "--account", "demo", *TRADE).exit_code == 0
    assert len(server.asked) == 1


def test_a_url_names_the_receiver_with_or_without_the_path(to_server: Cli, server: LoopbackServer) -> None:
    for url in (server.url, server.url + "/", server.url + "/webhooks/proquant"):
        assert to_server("send", "SIGNAL_OPEN", "--account", "demo", *TRADE, "--url", url, PORT="1").exit_code == 0
    assert {asked.path for asked in server.asked} == {"/webhooks/proquant"}


def test_a_receiver_that_does_not_run_is_named(to_server: Cli, fails_clearly: Check) -> None:
    fails_clearly(
        to_server("send", "SIGNAL_OPEN", "--account", "demo", *TRADE, PORT="1"), "127.0.0.1:1 cannot be reached"
    )


def test_a_token_is_not_sent_in_the_clear(to_server: Cli, fails_clearly: Check) -> None:
    result = to_server("send", "SIGNAL_OPEN", "--account", "demo", *TRADE, "--url", "http://bridge.example.com")
    fails_clearly(result, "must begin with https://")


def test_a_position_is_opened_and_closed_at_the_real_receiver(
    at_bridge: Callable[..., CompletedProcess[str]], bridge: Bridge
) -> None:
    opened = at_bridge("send", "SIGNAL_OPEN", "--account", "alice", *TRADE, "--json")
    told = json.loads(opened.stdout)
    assert (opened.returncode, told["status"], told["body"], told["meaning"]) == (0, 200, "", "none")
    again = at_bridge("send", "SIGNAL_OPEN", "--account", "alice", *TRADE)
    assert again.returncode == 1
    assert "meaning   PositionAlreadyExists" in again.stdout
    closed = at_bridge("send", "SIGNAL_CLOSE", "--account", "alice", "--json")
    assert json.loads(closed.stdout)["proquant_position_id"] == told["proquant_position_id"]
    assert bridge.open_positions() == []
    assert [trade.split()[0] for trade in bridge.trades()] == ["BUY", "SELL"]


def test_a_close_without_anything_held_says_so(cli: Cli, bridge: Bridge, fails_clearly: Check) -> None:
    result = cli("send", "SIGNAL_CLOSE", "--account", "alice", PROQUANT_BRIDGE_TOKEN=bridge.token)
    fails_clearly(result, "holds nothing")
