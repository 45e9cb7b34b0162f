"""The command line in an empty folder, on the test's own database."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.runner import SECRET_KEY, Cli


@pytest.fixture
def cli(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command line on the test's database, with a key, and with no Redis."""
    monkeypatch.chdir(tmp_path)
    return Cli({"DATABASE_URL": database_url, "BRIDGE_SECRET_KEY": SECRET_KEY})


@pytest.fixture
def token(cli: Cli) -> str:
    """The token of the account `demo`, created on the paper broker."""
    created: dict[str, str] = cli.json("accounts", "create", "demo", "--broker", "paper", "--setting", "hours=always")
    return created["token"]


@pytest.fixture
def fails_clearly() -> Callable[[Result, str], None]:
    """Asserts that a command failed with one line on standard error that holds these words, and printed nothing."""

    def check(result: Result, words: str) -> None:
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1, result.stderr
        assert words in result.stderr

    return check
