"""Settings of a broker from files and from the environment: used, stored encrypted, and shown nowhere."""

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from shared.accounts import vault
from shared.database.engine import Sessions
from shared.database.tables.accounts import Account
from tests.cli.runner import SECRET_KEY, Cli
from tests.simulators import oanda
from tests.simulators.oanda_books import Books

PAPER = ("accounts", "create", "alice", "--broker", "paper")
SECRET = "s3cret-of-a-broker"


def stored(sessions: Sessions) -> str:
    with sessions() as session:
        return session.scalars(select(Account.broker_settings)).one()


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_secret_in_a_file_opens_an_account_and_is_shown_nowhere(
    cli: Cli, sessions: Sessions, tmp_path: Path, ending: str
) -> None:
    books = Books(hedging=True)
    (tmp_path / "token").write_bytes(f"{books.token}{ending}".encode())
    with oanda.simulated(books) as simulator:
        created = cli(
            *("accounts", "create", "alice", "--broker", "oanda", "--setting", f"base_url={simulator.url}"),
            *("--setting", f"account_id={books.id}", "--setting-file", f"token={tmp_path / 'token'}"),
        )
    assert created.exit_code == 0, created.output
    assert books.token not in created.output
    assert books.token not in stored(sessions)
    assert vault.decrypt(SECRET_KEY, stored(sessions))["token"] == books.token


def test_a_secret_in_the_environment_opens_an_account_and_is_shown_nowhere(cli: Cli, sessions: Sessions) -> None:
    books = Books(hedging=True)
    with oanda.simulated(books) as simulator:
        created = cli(
            *("accounts", "create", "alice", "--broker", "oanda", "--setting", f"base_url={simulator.url}"),
            *("--setting", f"account_id={books.id}", "--setting-env", "token=OANDA_TOKEN"),
            OANDA_TOKEN=books.token,
        )
    assert created.exit_code == 0, created.output
    assert books.token not in created.output
    assert books.token not in stored(sessions)
    assert vault.decrypt(SECRET_KEY, stored(sessions))["token"] == books.token


def test_only_the_end_of_the_last_line_is_dropped(cli: Cli, sessions: Sessions, tmp_path: Path) -> None:
    (tmp_path / "script").write_text(" ok \n")
    assert cli(*PAPER, "--setting-file", f"script={tmp_path / 'script'}").exit_code == 0
    assert vault.decrypt(SECRET_KEY, stored(sessions)) == {"script": " ok "}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "token: its file cannot be read: No such file or directory."),
        (b"", "token: its file is empty."),
        (b"\n", "token: its file is empty."),
        (b"\xff\xfe", "token: its file is not text in UTF-8."),
        (b"x" * 65_537, "token: its file has more than 65536 characters."),
    ],
)
def test_a_file_that_cannot_be_used_is_said_by_its_key(
    offline: Cli, tmp_path: Path, content: bytes | None, words: str
) -> None:
    path = tmp_path / SECRET
    if content is not None:
        path.write_bytes(content)
    refused = offline(*PAPER, "--setting-file", f"token={path}")
    assert refused.exit_code == 2
    assert words in refused.stderr
    assert SECRET not in refused.output, "somebody may have written the secret itself there"


def test_a_folder_is_no_setting(offline: Cli, tmp_path: Path) -> None:
    refused = offline(*PAPER, "--setting-file", f"token={tmp_path}")
    assert refused.exit_code == 2
    assert "token: its file cannot be read: Is a directory." in refused.stderr


@pytest.mark.parametrize(
    ("environment", "words"),
    [({}, "token: its variable is not set."), ({SECRET: ""}, "token: its variable is empty.")],
)
def test_a_variable_that_cannot_be_used_is_said_by_its_key(
    offline: Cli, environment: dict[str, str], words: str
) -> None:
    refused = offline(*PAPER, "--setting-env", f"token={SECRET}", **environment)
    assert refused.exit_code == 2
    assert words in refused.stderr
    assert SECRET not in refused.output


@pytest.mark.parametrize("option", ["--setting-file", "--setting-env"])
@pytest.mark.parametrize("odd", [SECRET, f"={SECRET}"])
def test_an_odd_pair_does_not_show_what_it_holds(offline: Cli, option: str, odd: str) -> None:
    refused = offline(*PAPER, option, odd)
    assert refused.exit_code == 2
    assert f"Invalid value for {option}: each must have the form KEY=" in refused.stderr
    assert SECRET not in refused.output


def test_the_same_key_twice_is_a_mistake_wherever_it_comes_from(offline: Cli, tmp_path: Path) -> None:
    (tmp_path / "seed").write_text("1")
    plain, file, variable = (
        ("--setting", "seed=1"),
        ("--setting-file", f"seed={tmp_path / 'seed'}"),
        (
            "--setting-env",
            "seed=SEED",
        ),
    )
    for one, other in ((plain, file), (plain, variable), (file, variable), (file, file), (variable, variable)):
        refused = offline(*PAPER, *one, *other, SEED="1")
        assert refused.exit_code == 2
        assert "seed is given twice." in refused.stderr


def test_a_broker_is_tried_with_a_secret_from_a_file(cli: Cli, tmp_path: Path) -> None:
    books = Books(hedging=True)
    (tmp_path / "token").write_text(f"{books.token}\n")
    with oanda.simulated(books) as simulator:
        checked = cli(
            *("broker", "check", "--kind", "oanda", "--setting", f"base_url={simulator.url}", "--json"),
            *("--setting", f"account_id={books.id}", "--setting-file", f"token={tmp_path / 'token'}"),
        )
    outcomes = {case["number"]: case["outcome"] for case in json.loads(checked.stdout)}
    assert outcomes["CK-02"] == "passed"
    assert books.token not in checked.output
