"""Whatever the body, `read` gives an Envelope or one of its two errors, and an Envelope holds only what is promised."""

import json
import logging
import re
from collections import Counter
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import SIGNALS, Envelope, EventType, LifecycleEvent, SignalEvent, UnknownEvent
from shared.keys import content_hash, event_key
from shared.proquant.envelope import VERSIONS, read
from shared.proquant.errors import MalformedBody, UnsupportedVersion
from tests.fuzz.bodies import bodies, seeds

COUNT = 100_000
SEED = 20190208
SECRETS = ("secret-in-integration", "baz")  # the headers' values that the canonical bodies carry in `integration`


def outcome(body: bytes) -> str:
    """How `body` was taken. An error of any other class escapes, and fails the test with the body at hand."""
    try:
        envelope = read(body)
    except (MalformedBody, UnsupportedVersion) as error:
        message = str(error)
        kind = type(error).__name__
    else:
        check(envelope)
        return "accepted"
    assert 0 < len(message) < 2000
    assert message.isprintable()
    assert not any(secret in message for secret in SECRETS)
    return kind


def check(envelope: Envelope) -> None:
    assert envelope.version in VERSIONS
    assert envelope.deprecation is None or envelope.deprecation.utcoffset() is not None
    event = envelope.event
    assert 0 < event.timestamp_ms < 7_258_118_400_000
    assert event_key(event)
    assert content_hash(event)
    match event:
        case SignalEvent():
            check_signal(event)
        case LifecycleEvent():
            assert event.type in set(EventType) - SIGNALS
        case UnknownEvent():
            assert event.type not in set(EventType)


def check_signal(event: SignalEvent) -> None:
    assert event.type in SIGNALS
    assert event.quantity.is_finite()
    if event.type is EventType.SIGNAL_OPEN:
        assert event.direction is not None
        assert event.quantity > 0
        assert event.ticker
    assert re.fullmatch(r"[!-~]{1,128}", event.strategy_id)
    assert re.fullmatch(r"[!-~]{1,128}", event.proquant_position_id)
    assert event.ticker.isprintable()
    assert len(event.ticker) <= 64
    assert (event.strategy_name + event.strategy_id).encode()
    assert "\0" not in event.strategy_name


@pytest.mark.timeout(120)
def test_a_hundred_thousand_mutated_bodies_give_the_closed_set_of_outcomes() -> None:
    outcomes = Counter(outcome(body) for body in islice(bodies(SEED), COUNT))
    logging.getLogger(__name__).info("%s bodies: %s", COUNT, dict(outcomes))
    assert outcomes.total() == COUNT
    assert set(outcomes) == {"accepted", "MalformedBody", "UnsupportedVersion"}
    assert outcomes["accepted"] > COUNT // 20
    assert outcomes["MalformedBody"] > COUNT // 4


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda below: st.lists(below, max_size=4) | st.dictionaries(st.text(max_size=10), below, max_size=4),
    max_leaves=12,
)


@settings(max_examples=2000, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes_give_the_closed_set_of_outcomes(body: bytes) -> None:
    assert outcome(body) in {"accepted", "MalformedBody", "UnsupportedVersion"}


@settings(max_examples=1000, deadline=None)
@given(json_values, st.sampled_from(seeds()), st.sampled_from(["data", "integration", "timestamp", "type", "event"]))
def test_any_json_in_any_place_gives_the_closed_set_of_outcomes(value: object, seed: bytes, key: str) -> None:
    marked = seed.decode().replace(f'"{key}":', f'"{key}": {json.dumps(value)}, "was":', 1)
    assert outcome(marked.encode()) in {"accepted", "MalformedBody", "UnsupportedVersion"}
