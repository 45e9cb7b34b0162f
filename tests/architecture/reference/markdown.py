"""Pieces of Markdown that the pages share."""

import inspect
from collections.abc import Iterable, Sequence


def generated(title: str, source: str, words: str) -> list[str]:
    """The head of a page."""
    return [f"# {title}", "", f"`make docs` writes this page from {source}; a test compares the two.", "", words, ""]


def table(heads: Sequence[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """A table; a `|` in a cell does not end it."""
    lines: list[Iterable[str]] = [heads, ["---"] * len(heads), *rows]
    return [*(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines), ""]


def prose(docstring: str | None) -> str:
    """A docstring, as paragraphs."""
    assert docstring, "Here a docstring is missing."
    return inspect.cleandoc(docstring)
