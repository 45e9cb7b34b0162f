"""The page about states says what the code does."""

from shared.domain import EVENT_TRANSITIONS, ORDER_TRANSITIONS
from tests.architecture.states import EVENT_MOVES, ORDER_MOVES, PAGE, page


def test_the_page_is_the_code() -> None:
    assert PAGE.read_text() == page(), "Run `python -m tests.architecture.states`."


def test_every_arrow_is_described_and_none_besides() -> None:
    assert set(EVENT_MOVES) == {(before, after) for before, targets in EVENT_TRANSITIONS.items() for after in targets}
    assert set(ORDER_MOVES) == {(before, after) for before, targets in ORDER_TRANSITIONS.items() for after in targets}
