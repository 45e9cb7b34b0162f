"""The command as a whole: its help, its exit codes, and faults that an operator can mend."""

import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import Result
from sqlalchemy import make_url

from tests.cli.runner import BRIDGE, SECRET_KEY, Cli, run
from tools.cli import main
from tools.cli.root import COMMANDS

Check = Callable[[Result, str], None]
HEAVY = ("sqlalchemy", "celery", "alembic", "rich", "psycopg")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_says_of_every_command_what_the_command_says_of_itself(name: str) -> None:
    command: click.Command = import_module(f"tools.cli.{name}").command
    assert command.name == name
    assert str(command.help).startswith(COMMANDS[name].rstrip("."))


def test_every_command_and_subcommand_explains_itself(offline: Cli) -> None:
    def explain(group: click.Group, path: tuple[str, ...]) -> None:
        for name in group.list_commands(click.Context(group)):
            assert offline(*path, name, "--help").exit_code == 0
            command = group.get_command(click.Context(group), name)
            assert command is not None
            assert command.help
            if isinstance(command, click.Group):
                explain(command, (*path, name))

    explain(main, ())


def test_the_help_loads_no_heavy_library(tmp_path: Path) -> None:
    probe = f"import sys; from tools.cli import main; main(['--help'], standalone_mode=False); \
        sys.exit(', '.join(name for name in {HEAVY} if name in sys.modules))"
    done = run(tmp_path, sys.executable, "-c", probe)
    assert "Commands:" in done.stdout
    assert done.stderr.strip() == ""


def test_the_module_runs_as_the_command_does(tmp_path: Path) -> None:
    as_module = run(tmp_path, sys.executable, "-m", "tools.cli", "--help")
    as_command = run(tmp_path, str(BRIDGE), "--help")
    assert as_module.returncode == as_command.returncode == 0
    assert as_module.stdout == as_command.stdout


def test_the_command_needs_only_a_database(tmp_path: Path, database_url: str) -> None:
    environment = {"DATABASE_URL": database_url, "BRIDGE_SECRET_KEY": SECRET_KEY}
    created = run(tmp_path, str(BRIDGE), "accounts", "create", "demo", "--broker", "paper", "--json", **environment)
    assert created.returncode == 0, created.stderr
    assert created.stderr == ""
    listed = run(tmp_path, str(BRIDGE), "positions", "list", "--json", **environment)
    assert (listed.returncode, listed.stdout, listed.stderr) == (0, "[]\n", "")


def test_an_unknown_command_is_a_mistake_of_usage(offline: Cli) -> None:
    result = offline("frobnicate")
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_without_any_database_the_command_says_what_to_do(offline: Cli, tmp_path: Path, fails_clearly: Check) -> None:
    fails_clearly(offline("accounts", "list"), "start `make run` first")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_away_is_named(cli: Cli, fails_clearly: Check, tmp_path: Path) -> None:
    nowhere = f"postgresql://bridge:hush@/bridge?host={tmp_path}"
    result = cli("accounts", "list", DATABASE_URL=nowhere)
    fails_clearly(result, "The database cannot be used: connection")
    assert "hush" not in result.stderr


def test_a_url_of_another_database_is_refused(cli: Cli, fails_clearly: Check) -> None:
    fails_clearly(cli("accounts", "list", DATABASE_URL="sqlite:///bridge.db"), "must be a postgresql:// URL")


def test_a_database_without_the_schema_is_told_to_be_migrated(
    cli: Cli, fails_clearly: Check, postgres_server: str
) -> None:
    empty = make_url(postgres_server).set(database="postgres").render_as_string(hide_password=False)
    fails_clearly(cli("accounts", "list", DATABASE_URL=empty), "run `proquant-bridge migrate`")


def test_migrate_says_that_there_is_nothing_to_do(cli: Cli) -> None:
    result = cli("migrate")
    assert result.exit_code == 0
    assert "nothing to do" in result.stdout


def test_the_environment_is_left_as_it_was(cli: Cli) -> None:
    before = dict(cli.environment)
    probe = "import os; from tools.cli import main; main(['accounts', 'list'], standalone_mode=False); \
        print('REDIS_URL' in os.environ)"
    done = run(Path.cwd(), sys.executable, "-c", probe, **before)
    assert done.stdout.splitlines()[-1] == "False", done.stderr
