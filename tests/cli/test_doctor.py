"""`doctor` finds each fault that it is there for, and nothing where nothing is wrong."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from redis import Redis
from sqlalchemy import delete, func, insert, text, update

from shared.accounts import accounts
from shared.database import migrate
from shared.database.engine import Sessions, make_engine, make_sessions
from shared.database.tables.accounts import InstrumentRow
from shared.database.tables.events import EventRow, ProtocolVersion, Strategy
from shared.database.tables.orders import FillRow, OrderRow, PositionRow
from shared.database.tables.workers import Worker
from tests.cli.runner import Cli, Doctor
from tests.support.in_process_bridge import Bridge
from tools.local import placement, services


def change(bridge: Bridge, *statements: Any) -> None:
    with bridge.sessions.begin() as session:
        for statement in statements:
            session.execute(statement)


def test_a_bridge_that_works_has_nothing_wrong_but_the_settings_of_the_tests(doctor: Doctor) -> None:
    found = doctor(BRIDGE_PUBLIC_URL="https://bridge.example.com")
    wrong = {check: finding["seen"] for check, finding in found.items() if finding["result"] != "ok"}
    assert wrong == {"durability": "fsync off"}
    assert found["secret key"]["seen"] == "opens the settings of every account (1)"
    assert found["workers"]["seen"] == "1 alive"


def test_what_make_run_starts_has_nothing_to_mend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tmp_path.chmod(0o711)
    with services.running(tmp_path / "var", {}) as entries:
        migrate.upgrade(entries["DATABASE_URL"])
        engine = make_engine(entries["DATABASE_URL"])
        with make_sessions(engine).begin() as session:
            session.execute(insert(Worker).values(name="w"))
        engine.dispose()
        cli = Cli({"BRIDGE_PUBLIC_URL": "https://bridge.example.com"})
        cli.json("accounts", "create", "demo", "--broker", "paper")
        result = cli("doctor")
    assert result.exit_code == 0, result.stdout
    assert "fail" not in result.stdout
    assert "warn" not in result.stdout
    assert [account["account"] for account in cli.json("accounts", "list")] == ["demo"]  # after it has stopped, too
    placement.discard(tmp_path / "var")  # as root it is kept elsewhere


def test_a_setting_that_is_odd_is_all_that_can_be_seen(doctor: Doctor) -> None:
    found = doctor(BRIDGE_LEASE_SECONDS="soon")
    assert list(found) == ["settings"]
    assert "BRIDGE_LEASE_SECONDS" in found["settings"]["seen"]


def test_a_database_that_is_away_hides_only_what_is_in_it(doctor: Doctor, tmp_path: Path) -> None:
    found = doctor(DATABASE_URL=f"postgresql://bridge@/bridge?host={tmp_path}")
    assert found["database"]["result"] == "fail"
    assert found["redis"]["result"] == "ok"
    assert "workers" not in found


def test_a_database_that_is_not_migrated_is_told_to_be(doctor: Doctor, bridge: Bridge) -> None:
    change(bridge, text("UPDATE alembic_version SET version_num = '0001'"))
    found = doctor()
    assert found["migrations"]["result"] == "fail"
    assert "proquant-bridge migrate" in found["migrations"]["advice"]
    assert "workers" not in found


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("redis://127.0.0.1:2/0", "cannot be reached"),
        ("redis://:hush@x:notaport/0", "cannot be read as a URL"),
        ("redis://:ha/sh@127.0.0.1:6379/0", "cannot be read as a URL"),
        ("", "REDIS_URL is not set"),
    ],
)
def test_a_redis_that_cannot_be_used_is_a_failure(doctor: Doctor, url: str, seen: str) -> None:
    finding = doctor(REDIS_URL=url)["redis"]
    assert finding["result"] == "fail"
    assert seen in finding["seen"]
    assert "ha" not in finding["seen"].replace("that", "")


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    """The Redis, set back afterwards to what it was."""
    with Redis.from_url(redis_url) as client:
        yield client
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("appendonly", "yes")


def test_a_redis_that_may_forget_is_a_warning(doctor: Doctor, redis: Redis) -> None:
    redis.config_set("maxmemory-policy", "allkeys-lru")
    redis.config_set("appendonly", "no")
    found = doctor()
    assert (found["redis memory"]["result"], found["redis persistence"]["result"]) == ("warn", "warn")
    assert "allkeys-lru" in found["redis memory"]["seen"]


def test_a_key_that_does_not_open_an_accounts_settings_names_the_account(doctor: Doctor) -> None:
    finding = doctor(BRIDGE_SECRET_KEY=Fernet.generate_key().decode())["secret key"]
    assert finding["result"] == "fail"
    assert "alice" in finding["seen"]


def test_a_key_that_is_missing_is_a_failure(doctor: Doctor) -> None:
    assert doctor(BRIDGE_SECRET_KEY="")["secret key"]["result"] == "fail"


def test_a_broker_that_can_no_longer_be_made_names_the_account(doctor: Doctor, bridge: Bridge) -> None:
    change(bridge, text("UPDATE accounts SET broker = 'gone.adapter:make'"))
    finding = doctor()["brokers"]
    assert finding["result"] == "fail"
    assert "alice: The broker gone.adapter:make cannot be imported" in finding["seen"]


def test_a_stored_setting_is_never_shown(doctor: Doctor, bridge: Bridge) -> None:
    with bridge.sessions.begin() as session:
        accounts.create(session, "bob", "paper", {"balance": "s3cret"}, Decimal(1), bridge.secret_key)
    finding = doctor()["brokers"]
    assert finding["seen"] == "bob: the adapter refuses the stored settings"


def test_a_worker_that_stopped_is_missed(cli: Cli, sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(insert(Worker).values(name="w", seen_at=ago(seconds=21)))
    found = {finding["check"]: finding for finding in json.loads(cli("doctor", "--json").stdout)}
    assert found["workers"]["result"] == "fail"
    assert "the last was seen 0:00:2" in found["workers"]["seen"]


def test_no_accounts_are_a_warning(cli: Cli) -> None:
    found = {finding["check"]: finding for finding in json.loads(cli("doctor", "--json").stdout)}
    assert found["accounts"]["result"] == "warn"
    assert found["workers"] == {
        "check": "workers",
        "result": "fail",
        "seen": "none was ever seen",
        "advice": "Start a worker: until then events are stored, and nobody executes them.",
    }


def test_an_account_without_instruments_is_named(doctor: Doctor, bridge: Bridge) -> None:
    change(bridge, delete(InstrumentRow))
    finding = doctor()["instruments"]
    assert (finding["result"], finding["seen"]) == ("fail", "none for alice")


def ago(**values: float) -> datetime:
    return datetime.now(UTC) - timedelta(**values)


def unattended(state: str, **values: object) -> Any:
    """The one event, as if it were in this state; the running worker must not be able to take it."""
    nobody = datetime.now(UTC) + timedelta(hours=1)
    return update(EventRow).values(state=state, next_attempt_at=nobody, finished_at=None, **values)


def test_an_event_that_is_not_finished_in_time_is_a_failure(doctor: Doctor, bridge: Bridge) -> None:
    change(bridge, unattended("waiting", received_at=ago(minutes=3)))
    finding = doctor()["unfinished events"]
    assert finding["result"] == "fail"
    assert "1, the oldest for 0:03:0" in finding["seen"]


def test_an_event_that_has_just_come_is_not(doctor: Doctor, bridge: Bridge) -> None:
    change(bridge, unattended("waiting"))
    assert doctor()["unfinished events"]["result"] == "ok"


def test_a_parked_event_is_a_failure_with_its_id(doctor: Doctor, bridge: Bridge) -> None:
    change(bridge, unattended("parked", received_at=ago(days=1)))
    found = doctor()
    assert (found["parked events"]["result"], found["parked events"]["seen"]) == ("fail", "1: 1")
    assert found["unfinished events"]["result"] == "ok"


def test_a_lease_that_ran_out_with_work_left_is_a_warning(doctor: Doctor, bridge: Bridge, sessions: Sessions) -> None:
    change(bridge, unattended("waiting", received_at=ago(seconds=1)))
    change(
        bridge,
        update(EventRow).values(next_attempt_at=ago(hours=2), rung_at=datetime.now(UTC) + timedelta(hours=1)),
        update(Strategy).values(lease_owner="gone", lease_until=ago(hours=1)),
    )
    finding = doctor()["leases"]
    assert (finding["result"], finding["seen"]) == ("warn", "1 ran out with work left: s1")


@pytest.mark.parametrize(
    ("supported", "left", "result", "seen"),
    [
        (True, timedelta(days=40, hours=1), "warn", "40 days left"),
        (True, -timedelta(days=1), "fail", "may no longer send it"),
        (False, None, "warn", "does not know it"),
    ],
)
def test_a_protocol_version_that_will_end_is_told(
    doctor: Doctor, bridge: Bridge, supported: bool, left: timedelta | None, result: str, seen: str
) -> None:
    deprecation = None if left is None else datetime.now(UTC) + left
    version = {"version": "v9", "supported": supported, "deprecation": deprecation}
    change(bridge, delete(ProtocolVersion), insert(ProtocolVersion).values(version))
    finding = doctor()["protocol v9"]
    assert finding["result"] == result
    assert seen in finding["seen"]


def test_a_position_that_is_not_its_fills_is_found(doctor: Doctor, bridge: Bridge) -> None:
    change(bridge, update(PositionRow).values(quantity=Decimal(11)))
    finding = doctor()["positions and fills"]
    assert (finding["result"], finding["seen"]) == ("fail", "differ in position 1")


def test_a_position_that_is_closed_in_part_is_what_its_fills_leave(doctor: Doctor, bridge: Bridge) -> None:
    order = {
        "event_id": 1,
        "leg": "close",
        "generation": 0,
        "client_order_id": "pq-close",
        "symbol": "XAUUSD",
        "side": "SELL",
        "quantity": Decimal(4),
        "filled_quantity": Decimal(4),
        "state": "filled",
        "position_id": 1,
    }
    fill = {"fill_id": "f", "quantity": Decimal(4), "price": Decimal(1), "at": func.now()}
    change(bridge, insert(OrderRow).values(order), insert(FillRow).values(order_id=2, **fill))
    assert doctor()["positions and fills"]["result"] == "fail"
    change(bridge, update(PositionRow).values(quantity=Decimal(6)))
    assert doctor()["positions and fills"]["result"] == "ok"


def test_a_fill_that_nobody_counted_is_found(doctor: Doctor, bridge: Bridge) -> None:
    fill = {"order_id": 1, "fill_id": "more", "quantity": Decimal(1), "price": Decimal(1), "at": func.now()}
    change(bridge, insert(FillRow).values(fill))
    found = doctor()
    assert found["positions and fills"]["result"] == "fail"
    assert (found["orders and fills"]["result"], found["orders and fills"]["seen"]) == ("fail", "differ in order 1")


def test_two_positions_of_one_strategy_are_found(doctor: Doctor, bridge: Bridge) -> None:
    second = text(
        "INSERT INTO positions (proquant_position_id, quantity, ticker, symbol, direction, state, opened_by, strategy)"
        " SELECT 'p2', 0, ticker, symbol, direction, state, opened_by, strategy FROM positions"
    )
    change(bridge, text("DROP INDEX uq_positions_one_open"), second)
    finding = doctor()["one position a strategy"]
    assert (finding["result"], finding["seen"]) == ("fail", "more than one in strategy s1")


@pytest.mark.parametrize("state", ["submitting", "unknown"])
def test_an_event_that_ended_before_its_order_was_settled_is_found(doctor: Doctor, bridge: Bridge, state: str) -> None:
    change(bridge, update(OrderRow).values(state=state))
    assert doctor()["finished events"]["seen"] == "an order is unsettled in event 1"


def test_without_services_doctor_says_how_to_begin(offline: Cli) -> None:
    result = offline("doctor", "--json")
    assert result.exit_code == 1
    assert "start `make run` first" in json.loads(result.stdout)[0]["seen"]


def test_a_public_url_that_proquant_cannot_use_is_a_failure(doctor: Doctor) -> None:
    seen = doctor(BRIDGE_PUBLIC_URL="http://bridge.example.com")["settings"]["seen"]
    assert "BRIDGE_PUBLIC_URL: 'http://bridge.example.com' must begin with https://" in seen


def test_an_instruments_file_that_is_not_there_is_a_failure(doctor: Doctor, tmp_path: Path) -> None:
    assert doctor(BRIDGE_INSTRUMENTS_FILE=str(tmp_path / "none.toml"))["instruments file"]["result"] == "fail"
