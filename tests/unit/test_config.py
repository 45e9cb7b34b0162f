"""The settings: each by its name, each also from a file, an odd one refused by name, and none shown."""

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from shared.config import PROQUANT_API, load, refused_plainly
from shared.errors import ConfigurationError

DATABASE = "postgresql://bridge:hunter2@db.example:5432/bridge"
REDIS = "redis://:hunter3@redis.example:6379/0"
FERNET_KEY = "aHVudGVyNGh1bnRlcjRodW50ZXI0aHVudGVyNGh1bnQ="  # 32 bytes
SETTINGS = [
    ("DATABASE_URL", "database_url", DATABASE, DATABASE),
    ("REDIS_URL", "redis_url", REDIS, REDIS),
    ("PORT", "port", "8123", 8123),
    ("BRIDGE_RESPONSE_WAIT_SECONDS", "response_wait", "0", 0.0),
    ("BRIDGE_OPEN_MAX_AGE_SECONDS", "open_max_age", "60.5", 60.5),
    ("BRIDGE_REORDER_GRACE_SECONDS", "reorder_grace", "0", 0.0),
    ("BRIDGE_SWEEP_INTERVAL_SECONDS", "sweep_interval", "0.5", 0.5),
    ("BRIDGE_LEASE_SECONDS", "lease", "30", 30.0),
    ("BRIDGE_PUBLIC_URL", "public_url", "https://bridge.example", "https://bridge.example"),
    ("BRIDGE_PROQUANT_API_URL", "proquant_api_url", "http://127.0.0.1:9/api", "http://127.0.0.1:9/api"),
    ("WORKER_CONCURRENCY", "worker_threads", "4", 4),
    ("BRIDGE_SECRET_KEY", "secret_key", FERNET_KEY, FERNET_KEY),
    ("BRIDGE_INSTRUMENTS_FILE", "instruments_file", "/etc/instruments", Path("/etc/instruments")),
    ("BRIDGE_NOTIFICATIONS_FILE", "notifications_file", "/etc/notifications.toml", Path("/etc/notifications.toml")),
    ("BRIDGE_DEPRECATION_WARNING_DAYS", "deprecation_warning_days", "7", 7),
    ("BRIDGE_RETENTION_DAYS", "retention_days", "30", 30),
    ("BRIDGE_METRICS", "metrics", "on", True),
    ("BRIDGE_MANAGEMENT_KEY", "management_key", "k" * 24, "k" * 24),
    ("BRIDGE_MANAGEMENT_PORT", "management_port", "8111", 8111),
]
NAMES = [name for name, *_ in SETTINGS]


@pytest.fixture(autouse=True)
def _needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE)
    monkeypatch.setenv("REDIS_URL", REDIS)


def test_every_setting_is_in_the_table() -> None:
    assert {field for _, field, *_ in SETTINGS} == {field.name for field in fields(load())}


def test_what_is_not_set_has_the_documented_default() -> None:
    config = load()
    assert (config.port, config.response_wait, config.open_max_age, config.reorder_grace) == (8000, 5, 300, 2)
    assert (config.sweep_interval, config.lease, config.proquant_api_url) == (5, 60, PROQUANT_API)
    assert (config.public_url, config.secret_key, config.instruments_file) == (None, None, None)
    assert (config.notifications_file, config.deprecation_warning_days, config.metrics) == (None, 30, False)
    assert (config.retention_days, config.management_key, config.management_port) == (0, None, 8001)


@pytest.mark.parametrize(("name", "field", "text", "value"), SETTINGS, ids=NAMES)
def test_each_setting_is_read(monkeypatch: pytest.MonkeyPatch, name: str, field: str, text: str, value: object) -> None:
    monkeypatch.setenv(name, text)
    assert getattr(load(), field) == value


@pytest.mark.parametrize(("name", "field", "text", "value"), SETTINGS, ids=NAMES)
def test_each_setting_may_come_from_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, field: str, text: str, value: object
) -> None:
    (tmp_path / "secret").write_text(f"{text}\n")
    monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(f"{name}_FILE", str(tmp_path / "secret"))
    assert getattr(load(), field) == value


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_what_is_needed_and_missing_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(ConfigurationError, match=name):
        load()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("DATABASE_URL", "sqlite:///bridge.db"),
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", ""),
        ("REDIS_URL", "http://redis.example"),
        ("REDIS_URL", "redis.example:6379"),
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "http"),
        *(("WORKER_CONCURRENCY", text) for text in ("abc", "0", "-4", "1.5", "", "5000")),
        *((name, text) for name in NAMES if name.endswith("_SECONDS") for text in ("-1", "soon", "nan", "inf", "-inf")),
        ("BRIDGE_RESPONSE_WAIT_SECONDS", "61"),
        ("BRIDGE_OPEN_MAX_AGE_SECONDS", "0"),
        ("BRIDGE_OPEN_MAX_AGE_SECONDS", "1e300"),
        ("BRIDGE_REORDER_GRACE_SECONDS", "61"),
        ("BRIDGE_SWEEP_INTERVAL_SECONDS", "0"),
        ("BRIDGE_LEASE_SECONDS", "0"),
        ("BRIDGE_LEASE_SECONDS", "1e9"),
        *(("BRIDGE_RETENTION_DAYS", text) for text in ("-1", "1", "6", "36501", "7.5", "soon")),
        *(("BRIDGE_SECRET_KEY", text) for text in ("hunter4", FERNET_KEY[4:], FERNET_KEY[:-1], FERNET_KEY + "ä")),
        *((name, text) for name in NAMES if name.endswith("_URL") for text in ("nonsense", "http://bridge.example")),
        ("BRIDGE_MANAGEMENT_KEY", "hunter4"),
        ("BRIDGE_MANAGEMENT_PORT", "0"),
    ],
)
def test_an_odd_value_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigurationError, match=name) as refused:
        load()
    assert "hunter" not in str(refused.value)


def test_no_event_is_forgotten_while_an_open_of_its_age_would_be_executed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIDGE_OPEN_MAX_AGE_SECONDS", str(8 * 86_400))
    monkeypatch.setenv("BRIDGE_RETENTION_DAYS", "8")
    assert load().retention_days == 8
    monkeypatch.setenv("BRIDGE_RETENTION_DAYS", "7")
    with pytest.raises(ConfigurationError, match=r"BRIDGE_RETENTION_DAYS=7 .* BRIDGE_OPEN_MAX_AGE_SECONDS=691200"):
        load()


def test_a_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BRIDGE_SECRET_KEY_FILE", str(tmp_path / "gone"))
    with pytest.raises(ConfigurationError, match="BRIDGE_SECRET_KEY"):
        load()


def test_every_odd_value_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("BRIDGE_LEASE_SECONDS", "0")
    with pytest.raises(ConfigurationError, match=r"(?s)PORT.*BRIDGE_LEASE_SECONDS|BRIDGE_LEASE_SECONDS.*PORT"):
        load()


def test_settings_that_cannot_be_used_end_a_process_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "http")
    monkeypatch.setenv("BRIDGE_SECRET_KEY", "short")
    with pytest.raises(SystemExit) as ended, refused_plainly():
        load()
    assert ended.value.code == (
        "Error: The environment cannot be used: PORT: Not a valid integer.; "
        "BRIDGE_SECRET_KEY: is not a Fernet key: 32 bytes in URL-safe base64"
    )


def test_it_cannot_be_changed_once_it_is_read() -> None:
    with pytest.raises(FrozenInstanceError):
        load().port = 1  # type: ignore[misc]  # that is the point


def test_neither_passwords_nor_keys_are_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BRIDGE_SECRET_KEY", FERNET_KEY)
    assert FERNET_KEY not in f"{load()!r} {load()}"
    assert "hunter" not in f"{load()!r} {load()}"
