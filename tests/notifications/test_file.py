"""The notifications file: read strictly, and refused with the place and the reason, never with a secret."""

from datetime import timedelta
from pathlib import Path

import pytest

from shared.alerts.file import load, parse
from shared.alerts.rules import NOBODY, Rules
from shared.domain import AlertKind
from shared.errors import ConfigurationError

GOOD = """
dedupe_seconds = 60
daily_cap = 7
[channels.mail]
url_env = "MAIL_URL"
[channels.ops]
url = "json://127.0.0.1:9/alerts"
daily_cap = 2
[[rules]]
kinds = ["parked", "drift"]
channels = ["mail", "ops"]
[[rules]]
accounts = ["alice"]
channels = ["ops"]
"""


def read(text: str) -> Rules:
    return parse(text, {"MAIL_URL": "mailtos://user:hunter2@mail.example"}, lambda name: {"u": "slack://a/b/c\n"}[name])


def test_a_good_file_says_who_is_told_of_what() -> None:
    rules = read(GOOD)
    assert rules.dedupe == timedelta(seconds=60)
    assert [(channel.name, channel.daily_cap) for channel in rules.channels.values()] == [("mail", 7), ("ops", 2)]
    assert [channel.name for channel in rules.channels_for(AlertKind.PARKED, "alice")] == ["mail", "ops"]
    assert [channel.name for channel in rules.channels_for(AlertKind.CONFLICT, "alice")] == ["ops"]
    assert rules.channels_for(AlertKind.CONFLICT, "bob") == ()
    assert rules.channels_for(AlertKind.CONFLICT, None) == ()


def test_an_url_may_come_from_the_environment_or_a_file_and_is_never_shown() -> None:
    assert read(GOOD).channels["mail"].url == "mailtos://user:hunter2@mail.example"
    rules = read(GOOD.replace('url_env = "MAIL_URL"', 'url_file = "u"'))
    assert rules.channels["mail"].url == "slack://a/b/c"
    assert "hunter2" not in repr(read(GOOD))


def test_without_a_file_nobody_is_told() -> None:
    assert load(None, {}) is NOBODY


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('kinds = ["parked"', 'kinds = ["parkt"', r"rules\[1\].kinds: 'parkt' is none of conflict,"),
        ('channels = ["ops"]', 'channels = ["sms"]', r"rules\[2\].channels: there is no \[channels.sms\]"),
        ('channels = ["ops"]', "channels = []", r"rules\[2\].channels: must be a list of words"),
        ("daily_cap = 7", "daily_cap = 0", "daily_cap: must be a whole number from 1"),
        ("daily_cap = 7", "daily_cap = true", "daily_cap: must be a whole number"),
        ("daily_cap = 2", "dayly_cap = 2", "channels.ops: 'dayly_cap' is none of"),
        ("dedupe_seconds = 60", "dedupe_seconds = -1", "dedupe_seconds: must be"),
        ('url_env = "MAIL_URL"', 'url_env = "OTHER"', "channels.mail.url_env: the environment has no OTHER"),
        ('url_env = "MAIL_URL"', "", "channels.mail: needs one of url, url_env and url_file"),
        ('url_env = "MAIL_URL"', 'url_env = "MAIL_URL"\nurl = "x://y"', "needs one of"),
        ('"json://127.0.0.1:9/alerts"', '"hunter2"', "channels.ops: its URL is none such as"),
        ("[channels.ops]", '[channels."o p"]', "channels.o p: use 1 to 32"),
        ("[[rules]]", "[[rule]]", "'rule' is none of"),
        ("dedupe_seconds = 60", "dedupe_seconds =", "is no TOML"),
    ],
)
def test_an_odd_file_is_refused_with_the_place_and_the_reason(old: str, new: str, reason: str) -> None:
    assert old in GOOD
    with pytest.raises(ConfigurationError, match=reason) as refused:
        read(GOOD.replace(old, new))
    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"BRIDGE_NOTIFICATIONS_FILE: .*gone.toml cannot be read"):
        load(tmp_path / "gone.toml", {})


def test_a_worker_does_not_start_with_a_bad_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from shared import config
    from workers.app import make_worker

    (tmp_path / "n.toml").write_text("rules = 1")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("BRIDGE_NOTIFICATIONS_FILE", str(tmp_path / "n.toml"))
    with pytest.raises(ConfigurationError, match=r"n\.toml: rules: must be written as"):
        make_worker(config.load())
