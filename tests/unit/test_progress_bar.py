"""How far a long run is, where there is no terminal."""

import io

from rich.console import Console

from tests.support.progress_bar import LINE_SECONDS, Lines, shown


def test_a_line_comes_now_and_then() -> None:
    now, told = 0.0, list[str]()
    done = Lines("worlds", 9, told.append, lambda: now)
    for _ in range(4):
        done()
    assert told == []
    now += LINE_SECONDS
    done()
    done()
    assert told == ["worlds: 5 of 9"]


def test_a_terminal_has_a_bar_that_ends_full() -> None:
    written = io.StringIO()
    with shown("worlds", 2, Console(file=written, force_terminal=True, width=80)) as done:
        done()
        done()
    assert "2/2" in written.getvalue()


def test_a_short_run_without_a_terminal_says_nothing() -> None:
    written = io.StringIO()
    with shown("worlds", 1, Console(file=written)) as done:
        done()
    assert written.getvalue() == ""
