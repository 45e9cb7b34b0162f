"""The grammar of the paper broker's script."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import ErrorType
from workers.brokers.paper.script import OK, Action, Entry, entry_at, parse

PLAIN = [action for action in Action if action not in {Action.REJECT, Action.TIMEOUT_REJECTED, Action.PARTIAL}]
ERRORS = st.sampled_from([None, *ErrorType])
ENTRIES = st.one_of(
    st.builds(Entry, st.sampled_from(PLAIN)),
    st.builds(Entry, st.sampled_from([Action.REJECT, Action.TIMEOUT_REJECTED]), error=ERRORS),
    st.builds(Entry, st.just(Action.PARTIAL), fraction=st.decimals("0.001", "0.999", places=3)),
    st.builds(Entry, st.just(Action.UNAVAILABLE), retry_after=st.floats(0, 1e6)),
)


@given(st.lists(ENTRIES))
def test_what_is_written_is_read_again(entries: list[Entry]) -> None:
    assert parse(",".join(map(str, entries))) == tuple(entries)


@given(st.text())
def test_any_text_is_either_a_script_or_refused_by_name(text: str) -> None:
    try:
        entries = parse(text)
    except ValueError as refused:
        if not str(refused).startswith("script: "):
            raise
    else:
        assert parse(",".join(map(str, entries))) == entries


def test_a_script_may_have_spaces_and_may_be_empty() -> None:
    assert parse(" ok , partial:0.3 ") == (OK, Entry(Action.PARTIAL, fraction=Decimal("0.3")))
    assert parse("") == parse("  ") == ()


@pytest.mark.parametrize(
    "word",
    ["boom", "ok:1", "reject", "reject:", "reject:NoSuchType", "partial", "partial:0", "partial:1", "partial:x",
     "partial:nan", "unavailable:", "unavailable:-1", "unavailable:inf", "timeout_lost:3", "OK", "timeout_rejected"],
)  # fmt: skip
def test_a_wrong_entry_is_quoted(word: str) -> None:
    with pytest.raises(ValueError, match=f"script: '{word}'"):
        parse(f"ok,{word}")


def test_after_the_last_entry_all_is_ok() -> None:
    script = parse("cancelled")
    assert [entry_at(script, number).action for number in range(3)] == [Action.CANCELLED, Action.OK, Action.OK]
