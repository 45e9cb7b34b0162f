"""Accounts over the management API: the same ones that the command line makes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.config import Config
from shared.database.engine import Sessions
from tests.management.conftest import Management, managed
from tests.support.in_process_bridge import Bridge, signal

PAPER = {"name": "alice", "broker": "paper", "settings": {"hours": "always"}}


def paper(manage: Management, bridge: Bridge, **values: Any) -> str:
    settings = {"hours": "always", "database_url": bridge.database_url}
    created = manage.json("POST", "/accounts", {**PAPER, "settings": settings, **values}, 201)
    assert created.keys() == {"account", "token", "warnings"}
    bridge.account, bridge.token = created["account"], created["token"]
    return bridge.token


def test_a_created_account_trades_by_the_token_of_the_answer(manage: Management, bridge: Bridge) -> None:
    paper(manage, bridge, multiplier="2")
    assert bridge.post(signal("SIGNAL_OPEN")).status_code == 200
    assert bridge.trades() == ["BUY 20 p1"]


def test_choices_that_came_to_nothing_are_told_with_the_account(
    config: Config, sessions: Sessions, bridge: Bridge, tmp_path: Path
) -> None:
    file = tmp_path / "instruments.toml"
    file.write_text('[accounts.alice.tickers]\nDAX = "DE40"\n[accounts.alice.limits.NOPE]\nmaximum = 1\n')
    manage = managed(replace(config, instruments_file=file), sessions)
    settings = {"hours": "always", "database_url": bridge.database_url}
    created = manage.json("POST", "/accounts", {**PAPER, "settings": settings}, 201)
    assert created["warnings"] == [
        "DAX is to be DE40, which the broker does not list",
        "there are limits for NOPE, which the account cannot trade",
    ]


def test_an_account_shows_what_it_is_and_never_its_secrets(manage: Management, bridge: Bridge) -> None:
    token = paper(manage, bridge, on_deleted="close")
    listed = manage("GET", "/accounts")
    (account,) = listed.get_json()
    assert account.pop("created_at").endswith("+00:00")
    assert account == {
        "account": "alice",
        "broker": "paper",
        "multiplier": "1",
        "paused": False,
        "integration": "unknown",
        "on_deleted": "close",
        "on_disabled": "keep",
    }
    assert token not in listed.text
    assert bridge.database_url not in listed.text


def test_a_rotated_token_takes_the_place_of_the_older_one(manage: Management, bridge: Bridge) -> None:
    old = paper(manage, bridge)
    new = manage.json("POST", "/accounts/alice/token", status=201)["token"]
    assert bridge.post(signal("SIGNAL_OPEN"), new).status_code == 200
    assert bridge.post(signal("SIGNAL_CLOSE"), old).status_code == 401


def test_a_paused_account_opens_nothing_until_it_is_resumed(manage: Management, bridge: Bridge) -> None:
    paper(manage, bridge)
    assert manage.json("POST", "/accounts/alice/pause")["paused"] is True
    assert bridge.post(signal("SIGNAL_OPEN", "A")).status_code == 409
    assert manage.json("POST", "/accounts/alice/resume")["paused"] is False


def test_a_policy_is_changed_and_the_other_stays(manage: Management, bridge: Bridge) -> None:
    paper(manage, bridge, on_disabled="close")
    changed = manage.json("PATCH", "/accounts/alice/policy", {"on_deleted": "close"})
    assert (changed["on_deleted"], changed["on_disabled"]) == ("close", "close")
    changed = manage.json("PATCH", "/accounts/alice/policy", {"on_disabled": "keep"})
    assert (changed["on_deleted"], changed["on_disabled"]) == ("close", "keep")


def test_a_name_that_is_taken_is_a_conflict(manage: Management, bridge: Bridge) -> None:
    paper(manage, bridge)
    assert manage.json("POST", "/accounts", PAPER, 409)["error"] == "account_exists"


@pytest.mark.parametrize(("method", "path"), [("POST", "/accounts/ghost/token"), ("POST", "/accounts/ghost/pause")])
def test_an_account_that_nobody_knows_is_not_found(manage: Management, method: str, path: str) -> None:
    answer = manage.json(method, path, status=404)
    assert answer["error"] == "unknown_account"
    assert "'ghost'" in answer["detail"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "a b"}, "name"),
        ({"name": "alice\n"}, "name"),
        ({"name": None}, "name"),
        ({"broker": "os:system"}, "broker"),  # code of the caller's choice: only the command line may name a path
        ({"multiplier": "0"}, "multiplier"),
        ({"multiplier": "NaN"}, "multiplier"),
        ({"settings": {"hours": 1}}, "settings"),
        ({"on_deleted": "sell"}, "on_deleted"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_an_odd_field_is_named_and_creates_nothing(manage: Management, values: dict[str, Any], field: str) -> None:
    answer = manage.json("POST", "/accounts", {**PAPER, **values}, 422)
    assert answer["error"] == "invalid"
    assert list(answer["fields"]) == [field]
    assert manage.json("GET", "/accounts") == []


@pytest.mark.parametrize(
    "values", [{"broker": "nobody"}, {"settings": {"hours": "never"}}, {"settings": {"account": "bob"}}]
)
def test_a_broker_that_cannot_be_made_is_said_in_words(manage: Management, values: dict[str, Any]) -> None:
    answer = manage.json("POST", "/accounts", {**PAPER, **values}, 422)
    assert answer["error"] == "not_configured"
    assert manage.json("GET", "/accounts") == []
