"""Which page of docs/reference is made by what."""

from collections.abc import Callable
from pathlib import Path

from tests.architecture import code
from tests.architecture.reference import answers, commands, metrics, settings, states

FOLDER = code.ROOT / "docs" / "reference"
PAGES: dict[Path, Callable[[], str]] = {
    FOLDER / "answers.md": answers.page,
    FOLDER / "commands.md": commands.page,
    FOLDER / "metrics.md": metrics.page,
    FOLDER / "settings.md": settings.page,
    FOLDER / "states.md": states.page,
}


def write() -> None:
    """Writes every page anew."""
    FOLDER.mkdir(exist_ok=True)
    for path, page in PAGES.items():
        path.write_text(page())
