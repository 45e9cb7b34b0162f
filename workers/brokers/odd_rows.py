"""Rows of a broker's list that cannot be read: each is left out and noted; all others count.

One row with a step of 0, a field that is missing, or a class that is new once made a whole list unreadable. Then no
order was sent at all, and what was held could not be closed.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import structlog

log = structlog.get_logger()

UNREADABLE = (KeyError, IndexError, TypeError, ValueError, ArithmeticError, AttributeError)
MOST_LETTERS = 64  # of a row's name, which somebody else has written

_Row = TypeVar("_Row")
_Value = TypeVar("_Value")
_LISTENER: ContextVar[list[str] | None] = ContextVar("odd_rows", default=None)


@contextmanager
def collecting_odd_rows() -> Iterator[list[str]]:
    """The names of the rows that are left out by the calls within, with what is odd about them."""
    noted: list[str] = []
    token = _LISTENER.set(noted)
    try:
        yield noted
    finally:
        _LISTENER.reset(token)


def readable(rows: Iterable[_Row], read: Callable[[_Row], _Value], name: Callable[[_Row], object]) -> list[_Value]:
    """What `read` makes of each row, without those in which it finds something odd. `name`: what a row is called.

    Raises ValueError where no row can be read: then it is the list that is odd, and not what is on it.
    """
    made: list[_Value] = []
    odd: list[str] = []
    for number, row in enumerate(rows, start=1):
        try:
            made.append(read(row))
        except UNREADABLE as error:
            odd.append(f"{type(error).__name__}: {error}")
            note_odd_row(_name_of(row, name) or f"row {number}", odd[-1])
    if odd and not made:
        raise ValueError(f"none of {len(odd)} rows can be read; the first: {odd[0]}")
    return made


def note_odd_row(name: str, why: str) -> None:
    """Notes that a row is left out, for who collects, and in the log."""
    words = f"{name[:MOST_LETTERS]} ({why[:MOST_LETTERS]})"
    log.warning("A row of a broker's list cannot be read, and is left out.", action="odd_row", row=words)
    if (listener := _LISTENER.get()) is not None:
        listener.append(words)


def _name_of(row: _Row, name: Callable[[_Row], object]) -> str:
    try:
        return str(name(row))
    except UNREADABLE:
        return ""
