"""Accounts by the command line: created, listed, paused, their tokens shown once."""

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from sqlalchemy import select

from shared.accounts import accounts, vault
from shared.database.engine import Sessions
from shared.database.tables.accounts import Account
from shared.keys import token_hash
from tests.cli.runner import SECRET_KEY, Cli

Check = Callable[[Result, str], None]


def test_a_created_account_is_known_by_the_token_that_was_printed(cli: Cli, token: str, sessions: Sessions) -> None:
    with sessions.begin() as session:
        found = accounts.with_token_hash(session, token_hash(token))
    assert found is not None
    assert found.name == "demo"


def test_create_prints_exactly_the_account_and_its_token(cli: Cli) -> None:
    created = cli.json("accounts", "create", "a.b-C_1", "--broker", "paper")
    assert created.keys() == {"account", "token"}
    assert created["account"] == "a.b-C_1"


def test_a_person_who_creates_an_account_sees_its_token_once(cli: Cli) -> None:
    shown = cli("accounts", "create", "demo", "--broker", "paper").stdout
    token = shown.split()[-1]
    assert len(token) == 43
    assert token not in cli("accounts", "list").stdout
    assert token not in cli("accounts", "list", "--json").stdout


def test_the_list_shows_every_account_by_name(cli: Cli) -> None:
    cli.json("accounts", "create", "two", "--broker", "paper", "--multiplier", "0.000000010")
    cli.json("accounts", "create", "one", "--broker", "paper", "--multiplier", "1e2")
    listed = cli.json("accounts", "list")
    assert [account.pop("created_at")[-6:] for account in listed] == ["+00:00", "+00:00"]
    policies = {"on_deleted": "keep", "on_disabled": "keep"}
    common = {"broker": "paper", "paused": False, "integration": "unknown", **policies}
    assert listed == [
        {"account": "one", "multiplier": "100", **common},
        {"account": "two", "multiplier": "0.000000010", **common},
    ]


def test_a_list_of_nothing_is_an_empty_array(cli: Cli) -> None:
    assert cli.json("accounts", "list") == []
    assert "There are none." in cli("accounts", "list").stdout


def test_create_stores_the_instruments_of_the_broker(cli: Cli, token: str) -> None:
    listed = {instrument["ticker"]: instrument for instrument in cli.json("instruments", "list", "--account", "demo")}
    assert {"XAUUSD", "EURUSD", "AAPL", "BTCUSD"} <= listed.keys()
    assert listed["XAUUSD"].keys() == {"ticker", "symbol", "minimum", "maximum", "step", "currency"}
    assert isinstance(listed["XAUUSD"]["step"], str)
    assert all("E" not in instrument[name] for instrument in listed.values() for name in ("minimum", "step"))


def test_settings_are_stored_encrypted_and_shown_nowhere(cli: Cli, sessions: Sessions) -> None:
    cli.json("accounts", "create", "demo", "--broker", "paper", "--setting", "balance=98765", "--setting", "seed=4")
    with sessions.begin() as session:
        stored = session.scalars(select(Account.broker_settings)).one()
    assert "98765" not in stored
    assert vault.decrypt(SECRET_KEY, stored) == {"balance": "98765", "seed": "4"}
    assert "98765" not in cli("accounts", "list").output + cli("accounts", "list", "--json").output


def test_a_name_that_is_taken_is_refused(cli: Cli, token: str, fails_clearly: Check) -> None:
    fails_clearly(cli("accounts", "create", "demo", "--broker", "paper"), "There is an account named 'demo' already")
    assert len(cli.json("accounts", "list")) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--broker", "nobody"], "There is no broker 'nobody'"),
        (["--broker", "no.such.module:make"], "cannot be imported"),
        (["--broker", "paper", "--setting", "hours=sometimes"], "hours"),
        (["--broker", "paper", "--setting", "colour=red"], "colour: unknown"),
        (["--broker", "paper", "--setting", "account=other"], "cannot be chosen"),
    ],
)
def test_a_broker_that_cannot_be_made_creates_no_account(
    cli: Cli, fails_clearly: Check, arguments: list[str], words: str
) -> None:
    fails_clearly(cli("accounts", "create", "demo", *arguments), words)
    assert cli.json("accounts", "list") == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["", "--broker", "paper"],
        ["a b", "--broker", "paper"],
        ["é", "--broker", "paper"],
        ["x" * 65, "--broker", "paper"],
        ["demo"],
        ["demo", "--broker", "paper", "--multiplier", "0"],
        ["demo", "--broker", "paper", "--multiplier", "-1"],
        ["demo", "--broker", "paper", "--multiplier", "NaN"],
        ["demo", "--broker", "paper", "--multiplier", "1e999999"],
        ["demo", "--broker", "paper", "--multiplier", "much"],
        ["demo", "--broker", "paper", "--setting", "balance"],
        ["demo", "--broker", "paper", "--setting", "=1"],
        ["demo", "--broker", "paper", "--setting", "seed=1", "--setting", "seed=2"],
    ],
)
def test_odd_arguments_are_a_mistake_of_usage(offline: Cli, arguments: list[str]) -> None:
    result = offline("accounts", "create", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_a_mistake_in_a_setting_does_not_show_its_value(offline: Cli) -> None:
    assert "s3cret" not in offline("accounts", "create", "demo", "--broker", "paper", "--setting", "=s3cret").output
    twice = ("--setting", "seed=s3cret", "--setting", "seed=s3cret")
    assert "s3cret" not in offline("accounts", "create", "demo", "--broker", "paper", *twice).output


def test_a_paused_account_is_shown_as_paused_until_it_is_resumed(cli: Cli, token: str) -> None:
    assert cli("accounts", "pause", "demo").exit_code == 0
    assert cli.json("accounts", "list")[0]["paused"] is True
    assert cli("accounts", "resume", "demo").exit_code == 0
    assert cli.json("accounts", "list")[0]["paused"] is False


def test_a_rotated_token_takes_the_place_of_the_older_one(cli: Cli, token: str, sessions: Sessions) -> None:
    rotated = cli.json("accounts", "rotate-token", "demo")
    assert rotated["account"] == "demo"
    with sessions.begin() as session:
        assert accounts.with_token_hash(session, token_hash(token)) is None
        assert accounts.with_token_hash(session, token_hash(rotated["token"])) is not None


@pytest.mark.parametrize("command", ["pause", "resume", "rotate-token"])
def test_an_account_that_nobody_knows_is_named(cli: Cli, fails_clearly: Check, command: str) -> None:
    fails_clearly(cli("accounts", command, "ghost"), "no account named 'ghost'")


def test_without_a_key_no_account_is_created(cli: Cli, fails_clearly: Check) -> None:
    result = cli("accounts", "create", "demo", "--broker", "paper", BRIDGE_SECRET_KEY="")
    fails_clearly(result, "BRIDGE_SECRET_KEY is not set")
    assert cli.json("accounts", "list") == []


def test_a_key_that_is_none_is_refused(cli: Cli, fails_clearly: Check) -> None:
    fails_clearly(
        cli("accounts", "create", "demo", "--broker", "paper", BRIDGE_SECRET_KEY="short"), "is not a Fernet key"
    )


def test_nothing_else_is_on_standard_output_with_json(cli: Cli) -> None:
    result = cli("accounts", "create", "demo", "--broker", "paper", "--json")
    assert result.stderr == ""
    assert json.loads(result.stdout)["account"] == "demo"
