"""`alerts list` says who was told; `alerts test` tries a channel."""

from pathlib import Path

from shared.database.engine import make_engine, make_sessions
from shared.domain import AlertKind
from tests.cli.runner import Cli
from tests.cli.server import LoopbackServer
from tests.notifications.stage import Stage, rules

FILE = """
[channels.ops]
url_env = "OPS_URL"
[[rules]]
channels = ["ops"]
"""


def configured(cli: Cli, folder: Path, url: str) -> Cli:
    path = folder / "notifications.toml"
    path.write_text(FILE)
    return Cli({**cli.environment, "BRIDGE_NOTIFICATIONS_FILE": str(path), "OPS_URL": url})


def test_the_list_says_what_became_of_each_delivery(cli: Cli, database_url: str) -> None:
    engine = make_engine(database_url)
    stage = Stage(make_sessions(engine))
    stage.alert("v1 ends.", AlertKind.DEPRECATION)
    stage.alert("v1 ends.", AlertKind.DEPRECATION)
    stage.sweep(stage.notifier(rules("mail")))
    engine.dispose()
    again, first = cli.json("alerts", "list")
    assert [each["state"] for each in first["deliveries"]] == ["sent"]
    assert [(each["state"], each["reason"]) for each in again["deliveries"]] == [("suppressed", "duplicate")]
    text = cli("alerts", "list").stdout
    assert "mail sent" in text
    assert "mail suppressed (duplicate)" in text


def test_a_test_message_comes_through(cli: Cli, tmp_path: Path, server: LoopbackServer) -> None:
    ready = configured(cli, tmp_path, server.url.replace("http://", "json://user:hunter2@"))
    result = ready("alerts", "test", "--channel", "ops")
    assert result.exit_code == 0, result.output
    assert "ops has taken the message" in result.stdout
    assert b"This is a test." in server.asked[0].body


def test_a_test_message_that_is_refused_says_so_and_shows_no_secret(
    cli: Cli, tmp_path: Path, server: LoopbackServer
) -> None:
    server.status = 403
    result = configured(cli, tmp_path, server.url.replace("http://", "json://user:hunter2@"))(
        "alerts", "test", "--channel", "ops"
    )
    assert result.exit_code == 1
    assert "ops has not taken the message. It answered with HTTP 403." in result.stderr
    assert "hunter2" not in result.output


def test_a_channel_that_is_not_there_is_named_beside_those_that_are(cli: Cli, tmp_path: Path) -> None:
    result = configured(cli, tmp_path, "json://127.0.0.1:1")("alerts", "test", "--channel", "sms")
    assert result.exit_code == 1
    assert "There is no channel 'sms'; there are: ops." in result.stderr
    assert "set BRIDGE_NOTIFICATIONS_FILE" in cli("alerts", "test", "--channel", "sms").stderr
