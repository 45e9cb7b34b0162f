"""`doctor` on notifications: a bad file, an URL of no service, an account that is gone, what is stuck."""

import json
from pathlib import Path

import pytest

from shared.database.engine import Sessions
from tests.cli.runner import Cli
from tests.notifications.stage import Stage, rules

FILE = """
[channels.ops]
url = "json://127.0.0.1:9/hunter2"
[[rules]]
accounts = ["demo"]
channels = ["ops"]
"""


def findings(cli: Cli, folder: Path, text: str | None) -> dict[str, tuple[str, str]]:
    environment = dict(cli.environment)
    if text is not None:
        (folder / "n.toml").write_text(text)
        environment["BRIDGE_NOTIFICATIONS_FILE"] = str(folder / "n.toml")
    result = Cli(environment)("doctor", "--json")
    assert "hunter2" not in result.output
    return {each["check"]: (each["result"], each["seen"]) for each in json.loads(result.stdout)}


def test_a_good_file_is_well(cli: Cli, tmp_path: Path) -> None:
    cli.json("accounts", "create", "demo", "--broker", "paper")
    assert findings(cli, tmp_path, FILE)["notifications"] == ("ok", "channels: ops")


def test_without_a_file_nobody_is_told(cli: Cli, tmp_path: Path) -> None:
    result, seen = findings(cli, tmp_path, None)["notifications"]
    assert result == "ok"
    assert "sent to no one" in seen


@pytest.mark.parametrize(
    ("old", "new", "result", "seen"),
    [
        ("[[rules]]", "[[rule]]", "fail", "'rule' is none of"),
        ("json://127.0.0.1:9/hunter2", "nonsense://hunter2", "fail", "Apprise cannot use the URL of ops"),
        ('"demo"', '"demo", "ghost"', "warn", "a rule names ghost, and there is no such account"),
    ],
)
def test_what_is_wrong_with_a_file_is_said(
    cli: Cli, tmp_path: Path, old: str, new: str, result: str, seen: str
) -> None:
    cli.json("accounts", "create", "demo", "--broker", "paper")
    found = findings(cli, tmp_path, FILE.replace(old, new))["notifications"]
    assert found[0] == result
    assert seen in found[1]


def test_what_got_stuck_is_said(cli: Cli, tmp_path: Path, sessions: Sessions) -> None:
    cli.json("accounts", "create", "demo", "--broker", "paper")
    assert findings(cli, tmp_path, FILE)["deliveries"] == ("ok", "none is waiting")
    stage = Stage(sessions)
    stage.channels.down.add("mail")
    stage.alert("first")
    stage.sweep(stage.notifier(rules("mail")))
    assert findings(cli, tmp_path, FILE)["deliveries"] == (
        "warn",
        "some wait for mail, which the file does not name",
    )
    for _ in range(40):
        stage.later(hours=1, seconds=1)
        stage.sweep(stage.notifier(rules("mail")))
    assert findings(cli, tmp_path, FILE)["deliveries"] == ("warn", "given up: 1 to mail")
