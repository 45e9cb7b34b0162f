"""The pages of docs/reference say what the code does."""

import inspect
from pathlib import Path

import pytest

from receiver import metrics
from shared.domain import EVENT_TRANSITIONS, ORDER_TRANSITIONS
from tests.architecture.reference import commands, settings
from tests.architecture.reference.pages import FOLDER, PAGES
from tests.architecture.reference.states import EVENT_MOVES, ORDER_MOVES


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_is_what_the_code_says(path: Path) -> None:
    assert path.read_text() == PAGES[path](), "Run `make docs`."


def test_no_page_is_left_that_nothing_writes() -> None:
    assert set(FOLDER.glob("*.md")) == set(PAGES)


def test_every_arrow_is_described_and_none_besides() -> None:
    assert set(EVENT_MOVES) == {(before, after) for before, targets in EVENT_TRANSITIONS.items() for after in targets}
    assert set(ORDER_MOVES) == {(before, after) for before, targets in ORDER_TRANSITIONS.items() for after in targets}


def test_a_command_that_chooses_its_exit_code_says_which() -> None:
    for path, command in commands.commands():
        assert command.callback is not None
        if ".exit(" in inspect.getsource(command.callback):
            assert "Exit code" in (command.help or ""), path


def test_every_variable_that_is_read_elsewhere_is_described_and_none_besides() -> None:
    assert settings.read_elsewhere() == set(settings.OTHERS)


def test_every_metric_is_made_by_its_description() -> None:
    """A family that is named in the collector itself would be missing in the page."""
    assert "GaugeMetricFamily" not in inspect.getsource(metrics)
