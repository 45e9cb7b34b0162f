"""What `integration` carries, our own token among it, survives neither in what is read nor in what is refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import EventType, LifecycleEvent
from shared.proquant.envelope import read, statuses
from shared.proquant.errors import MalformedBody
from shared.proquant.request import signal_body

SECRET = "S3CRET"
MARK = '"integration":{}'
EVENT = LifecycleEvent(EventType.STRATEGY_ENABLED, 1549623690730, "s1", "Gold")

secret_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10).map(
    lambda text: f"{SECRET}{text}"
)
secret_tree = st.recursive(
    secret_text | st.none() | st.integers(-(10**27), 10**27),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(secret_text, below, max_size=3),
)


def with_integration(text: str) -> bytes:
    return signal_body(EVENT).decode().replace(MARK, f'"integration":{text}').encode()


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(secret_text, secret_tree, max_size=4))
def test_nothing_of_the_integration_is_in_the_envelope(integration: dict[str, Any]) -> None:
    body = signal_body(EVENT, integration)
    envelope = read(body)
    assert envelope.event == EVENT
    assert SECRET not in repr(envelope) + repr(statuses(body))


@pytest.mark.parametrize(
    "odd",
    [
        '{"authorization": "S3CRET" "x"}',
        '{"authorization": "S3CRET\\x"}',
        '{"authorization": "S3CRET',
        '{"authorization": S3CRET}',
        "[" * 30 + '"S3CRET"',
    ],
)
def test_a_refusal_over_the_integration_does_not_tell_what_is_in_it(odd: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        read(with_integration(odd))
    assert SECRET not in str(caught.value)
    assert caught.value.__context__ is None, "the cause would carry the body along"


def test_a_refusal_over_another_field_does_not_tell_the_integration() -> None:
    body = with_integration('{"authorization": "S3CRET"}').replace(b"1549623690730", b"0")
    with pytest.raises(MalformedBody) as caught:
        read(body)
    assert str(caught.value) == "v1.event.timestamp: must be Unix milliseconds after 1970 and before 2200"
    assert caught.value.__context__ is None
