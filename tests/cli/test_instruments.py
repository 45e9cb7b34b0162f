"""The instruments file on the command line: accounts are created with it, refreshed with it, and `doctor` reads it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.runner import Cli
from tests.simulators.server import Answer, Call, Simulator
from workers.brokers.paper.broker import make as make_paper
from workers.brokers.rest.reference import make_app

FILE = """
[brokers.paper.tickers]
SPX = "US500"
[accounts.demo.limits.SPX]
maximum = 5
"""
Write = Callable[[str], Cli]


@pytest.fixture
def with_file(cli: Cli, tmp_path: Path, redis_url: str) -> Write:
    """The command line with this text as its instruments file."""

    def write(text: str) -> Cli:
        path = tmp_path / "instruments.toml"
        path.write_text(text)
        return Cli({**cli.environment, "BRIDGE_INSTRUMENTS_FILE": str(path), "REDIS_URL": redis_url})

    return write


def listed(cli: Cli, account: str = "demo") -> dict[str, tuple[str, str]]:
    rows = cli.json("instruments", "list", "--account", account)
    return {row["ticker"]: (row["symbol"], row["maximum"]) for row in rows}


def found(cli: Cli) -> dict[str, dict[str, str]]:
    return {finding["check"]: finding for finding in json.loads(cli("doctor", "--json").stdout)}


def test_an_account_is_created_with_what_the_file_says(with_file: Write) -> None:
    cli = with_file(FILE)
    cli.json("accounts", "create", "demo", "--broker", "paper")
    assert listed(cli)["SPX"] == listed(cli)["US500"] == ("US500", "5")


def test_a_choice_that_comes_to_nothing_is_told_and_the_account_is_created(with_file: Write) -> None:
    cli = with_file('[brokers.paper.tickers]\nDAX = "DE40"')
    result = cli("accounts", "create", "demo", "--broker", "paper", "--json")
    assert json.loads(result.stdout)["account"] == "demo"
    assert "Warning: DAX is to be DE40, which the broker does not list.\n" in result.stderr


@pytest.mark.usefixtures("token")
def test_a_refresh_puts_the_file_in_force_and_without_it_out_of_force(cli: Cli, with_file: Write) -> None:
    before = listed(cli)
    result = with_file(FILE)("instruments", "refresh", "--account", "demo")
    assert result.stdout == f"The account demo can trade {len(before) + 1} instruments.\n"
    assert listed(cli)["SPX"] == ("US500", "5")
    cli("instruments", "refresh", "--account", "demo")
    assert listed(cli) == before


@pytest.mark.parametrize(
    "command",
    [("accounts", "create", "x", "--broker", "paper"), ("instruments", "refresh", "--account", "demo")],
    ids=" ".join,
)
@pytest.mark.usefixtures("token")
def test_a_bad_file_is_refused_and_nothing_is_changed(
    cli: Cli, with_file: Write, fails_clearly: Callable[[Result, str], None], command: tuple[str, ...]
) -> None:
    before = listed(cli)
    fails_clearly(with_file("[accounts.demo]\nlimit = 1")(*command), "accounts.demo: 'limit' is none of")
    assert listed(cli) == before
    assert [account["account"] for account in cli.json("accounts", "list")] == ["demo"]


@pytest.mark.parametrize("account", ["nobody", ""])
def test_a_refresh_of_no_account_fails_clearly(
    with_file: Write, fails_clearly: Callable[[Result, str], None], account: str
) -> None:
    fails_clearly(with_file(FILE)("instruments", "refresh", "--account", account), "There is no account")


def test_a_broker_that_is_away_leaves_the_list_as_it_was(
    cli: Cli, fails_clearly: Callable[[Result, str], None], database_url: str
) -> None:
    paper = make_paper({"database_url": database_url, "account": "far-end"})
    client = make_app(paper, "secret").test_client()

    def answer(call: Call) -> Answer:
        got = client.open(call.path, method=call.method, headers=dict(call.headers))
        return Answer(got.status_code, got.data)

    with Simulator(answer, lambda _: False).running() as far_end:
        settings = ("--setting", f"base_url={far_end.url}", "--setting", "token=secret")
        cli.json("accounts", "create", "far", "--broker", "http", *settings)
    paper.close()
    before = listed(cli, "far")
    fails_clearly(cli("instruments", "refresh", "--account", "far"), "The broker of far does not list its instruments")
    assert listed(cli, "far") == before != {}


@pytest.mark.usefixtures("token")
def test_doctor_tells_what_is_in_force_and_what_is_not_yet(with_file: Write) -> None:
    cli = with_file(FILE)
    assert found(cli)["instrument choices"]["result"] == "warn"
    assert "not in force yet for demo" in found(cli)["instrument choices"]["seen"]
    cli("instruments", "refresh", "--account", "demo")
    after = found(cli)
    assert {after[check]["result"] for check in after if "instrument" in check} == {"ok"}


@pytest.mark.usefixtures("token")
def test_doctor_tells_of_choices_in_vain_and_of_names_that_nobody_has(with_file: Write) -> None:
    cli = with_file('[brokers.oando.tickers]\nA = "B"\n[accounts.demo.tickers]\nDAX = "DE40"\n[accounts.dmeo.tickers]')
    checks = found(cli)
    assert checks["instruments file"]["result"] == "ok"
    seen = "nothing here is the account dmeo, the broker oando"
    assert (checks["names in the instruments file"]["result"], checks["names in the instruments file"]["seen"]) == (
        "warn",
        seen,
    )
    assert checks["instrument choices"]["seen"] == "demo: DAX is to be DE40, which the broker does not list"


@pytest.mark.usefixtures("token")
def test_doctor_fails_for_a_bad_file_with_its_name_the_key_and_the_reason(with_file: Write) -> None:
    checks = found(with_file("[accounts.demo.limits.XAUUSD]\nstep = 0"))
    assert checks["instruments file"]["result"] == "fail"
    assert (
        "instruments.toml: accounts.demo.limits.XAUUSD.step: must be a number above 0"
        in (checks["instruments file"]["seen"])
    )
    assert "instrument choices" not in checks


@pytest.mark.parametrize("command", ["instruments refresh", "reconcile"])
def test_commands_take_their_requests_from_the_accounts_budget(
    with_file: Write, fails_clearly: Callable[[Result, str], None], command: str
) -> None:
    cli = with_file("")
    cli.json("accounts", "create", "demo", "--broker", "paper", "--setting", "requests_per_minute=1")
    assert cli(*command.split(), "--account", "demo").exit_code == 0
    used_up = "budget of 1 requests in 60 s is used up"
    fails_clearly(cli("instruments", "refresh", "--account", "demo"), used_up)
    assert used_up in cli("reconcile", "--account", "demo").stderr


def test_commands_work_without_redis_too(with_file: Write) -> None:
    cli = with_file("")
    cli.json("accounts", "create", "demo", "--broker", "paper", "--setting", "requests_per_minute=4")
    alone = Cli({**cli.environment, "REDIS_URL": "redis://127.0.0.1:1/0"})
    refreshed = alone("instruments", "refresh", "--account", "demo")
    assert (refreshed.exit_code, refreshed.stdout.count("\n")) == (0, 1)
    assert alone.json("reconcile", "--account", "demo") == []
