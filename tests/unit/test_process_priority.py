"""A worker gives way: by its own figure, and as a session where Linux shares processors between sessions."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workers.runtime.process_priority import AUTOGROUP, NICE

NICEST = 19  # of Linux
BEGIN = "import os; from workers.runtime.process_priority import AUTOGROUP, lower_priority; lower_priority()"
SAY = f"{BEGIN}; print(os.nice(0))"
SAY_OF_SESSION = f"{SAY}; print(AUTOGROUP.read_text())"


def said(program: str, *, own_session: bool) -> str:
    made = subprocess.run(
        [sys.executable, "-c", program],
        start_new_session=own_session,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        text=True,
    )
    return made.stdout


@pytest.mark.parametrize("own_session", [True, False])
def test_a_process_is_as_nice_as_it_may_be(own_session: bool) -> None:
    assert int(said(SAY, own_session=own_session)) == min(os.nice(0) + NICE, NICEST)


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="This machine does not share processors between sessions.")
def test_a_session_of_its_own_gives_way_and_one_that_is_shared_does_not() -> None:
    assert said(SAY_OF_SESSION, own_session=True).rstrip().endswith(f"nice {NICE}")
    ours = AUTOGROUP.read_text()
    assert said(SAY_OF_SESSION, own_session=False).endswith(ours + "\n")
    assert AUTOGROUP.read_text() == ours


def test_where_the_session_cannot_give_way_the_worker_starts_all_the_same(tmp_path: Path) -> None:
    give_way = "import pathlib; from workers.runtime.process_priority import lower_priority; lower_priority"
    refused = f"{give_way}(pathlib.Path({str(tmp_path)!r}))"
    assert "no_autogroup" in said(refused, own_session=True)
