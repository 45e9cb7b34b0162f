"""Keys and ids: what makes two things one, and that no upgrade changes it."""

import hashlib
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain import Direction, Event, EventType, IntegrationId, Leg, LifecycleEvent, SignalEvent, UnknownEvent
from shared.keys import client_order_id, content_hash, event_key, token_hash

OPEN = SignalEvent(
    type=EventType.SIGNAL_OPEN,
    timestamp_ms=1549623690730,
    strategy_id="6bbc583bf6d70605bbbc892f66367ab7",
    strategy_name="Gold High-Risk",
    proquant_position_id="960fe1a63d264d0f4e19a0ebf385497e",
    direction=Direction.BUY,
    ticker="XAUUSD",
    quantity=Decimal(10),
)
CLOSE = replace(OPEN, type=EventType.SIGNAL_CLOSE)
REOPEN = replace(OPEN, type=EventType.SIGNAL_REOPEN)
ENABLED = LifecycleEvent(EventType.STRATEGY_ENABLED, 1549623690730, "s1", "Gold")
UNKNOWN = UnknownEvent("SIGNAL_HEDGE", 1549623690730, "s1", "Gold")
texts = st.text(max_size=12)


# These values are for ever: a key that changed would let an old event be executed again after an upgrade, and an id
# that changed would let an order be sent twice.
@pytest.mark.parametrize(
    ("event", "key"),
    [
        (OPEN, "33434a9c12898f96a80e5619e82a012e7fad76f82e0fd91eaab2d0778c7b3e76"),
        (CLOSE, "e0359f39a74e10567d3f3fed7bec09d5cc5e7d95eba5eb27c3d5e9c2177a5373"),
        (REOPEN, "51224dffe2b250f827bb1b3928a17e97fe80e8d2f4a2c3109b4fc9e2aa0f2bba"),
        (ENABLED, "e33850299a9ce9d9d78aaa8d98bae3db1cbde16eb96faa630afe161b8ca74ffb"),
        (UNKNOWN, "58279c6485f409952061984164e23bfea5430c4c5b6f116db96e95171b539659"),
    ],
    ids=["open", "close", "reopen", "enabled", "unknown"],
)
def test_the_key_of_an_event_is_what_it_always_was(event: SignalEvent, key: str) -> None:
    assert event_key(event) == key


def test_the_hash_of_a_content_is_what_it_always_was() -> None:
    assert content_hash(OPEN) == "e4cd35e5fc8b3920eed331f2934e5890c9b63d5aa05e8d26920d8f22c107f0b0"


@pytest.mark.parametrize(
    ("leg", "generation", "id_"),
    [(Leg.OPEN, 0, "pq-8516b0261e8f30b21fb009fbc57a08a7"), (Leg.CLOSE, 1, "pq-c07e8a81117013b700ab13fe8dfe46f6")],
)
def test_the_id_of_an_order_is_what_it_always_was(leg: Leg, generation: int, id_: str) -> None:
    assert client_order_id("demo", OPEN.strategy_id, OPEN.proquant_position_id, "key", leg, generation) == id_


def test_a_key_is_a_hash_over_length_prefixed_parts() -> None:
    parts = f"11:SIGNAL_OPEN32:{OPEN.proquant_position_id}"
    assert event_key(OPEN) == hashlib.sha256(parts.encode()).hexdigest()


@pytest.mark.parametrize("event", [OPEN, CLOSE])
@pytest.mark.parametrize(
    "other", [{"timestamp_ms": 1}, {"quantity": Decimal(3)}, {"direction": Direction.SELL}, {"strategy_id": "x"}]
)
def test_an_open_or_close_is_known_by_its_position_alone(event: SignalEvent, other: dict[str, object]) -> None:
    assert event_key(replace(event, **other)) == event_key(event)  # type: ignore[arg-type]


def test_a_reopen_is_known_by_its_timestamp_too() -> None:
    assert event_key(replace(REOPEN, timestamp_ms=1)) != event_key(REOPEN)
    assert event_key(replace(REOPEN, quantity=Decimal(3))) == event_key(REOPEN)


@pytest.mark.parametrize("type_", [type_ for type_ in EventType if not type_.startswith("SIGNAL")])
def test_a_lifecycle_event_is_known_by_type_strategy_and_timestamp(type_: EventType) -> None:
    event = LifecycleEvent(type_, 1, "s1")
    others = [replace(event, timestamp_ms=2), replace(event, strategy_id="s2")]
    others += [LifecycleEvent(other, 1, "s1") for other in EventType if other is not type_]
    assert event_key(event) not in {event_key(other) for other in others}


@pytest.mark.parametrize("event", [OPEN, CLOSE, REOPEN, ENABLED, UNKNOWN])
def test_what_concerns_a_strategy_is_known_whoever_brings_it(event: Event) -> None:
    assert event_key(event, IntegrationId(1)) == event_key(event)


@pytest.mark.parametrize("type_", ["INTEGRATION_APPROVED", "INTEGRATION_REJECTED", "INTEGRATION_DELETED"])
def test_what_concerns_no_strategy_is_known_by_its_integration_too(type_: str) -> None:
    event = LifecycleEvent(EventType(type_), 1549623690730)
    keys = [event_key(event, integration) for integration in (None, IntegrationId(1), IntegrationId(2))]
    assert len(set(keys)) == len(keys)
    assert event_key(event, IntegrationId(1)) == keys[1]


def test_the_three_signals_of_one_position_have_three_keys() -> None:
    assert len({event_key(event) for event in (OPEN, CLOSE, REOPEN)}) == 3


@pytest.mark.parametrize("quantity", ["10", "10.0", "10.000", "1e1", "1.0E+1"])
def test_the_same_number_is_the_same_content(quantity: str) -> None:
    assert content_hash(replace(OPEN, quantity=Decimal(quantity))) == content_hash(OPEN)


@pytest.mark.parametrize(
    "other",
    [
        {"quantity": Decimal("10.000000000000000000000000001")},
        {"direction": Direction.SELL},
        {"ticker": "XAGUSD"},
        {"strategy_id": "x"},
    ],
    ids=["quantity", "direction", "ticker", "strategy"],
)
def test_another_value_is_another_content(other: dict[str, object]) -> None:
    assert content_hash(replace(OPEN, **other)) != content_hash(OPEN)  # type: ignore[arg-type]


def test_quantities_that_differ_past_the_usual_precision_are_other_content() -> None:
    one, other = Decimal("1.0000000000000000000000000000001"), Decimal("1.0000000000000000000000000000002")
    assert content_hash(replace(OPEN, quantity=one)) != content_hash(replace(OPEN, quantity=other))


def test_a_renamed_strategy_is_no_other_content() -> None:
    assert content_hash(replace(OPEN, strategy_name="Silver", timestamp_ms=1)) == content_hash(OPEN)


@given(texts, texts, texts, texts, st.sampled_from(Leg), st.integers(0, 999))
def test_the_id_of_an_order_fits_every_broker(a: str, b: str, c: str, d: str, leg: Leg, generation: int) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,36}", client_order_id(a, b, c, d, leg, generation))


parts = st.tuples(texts, texts, texts, texts, st.sampled_from(Leg), st.integers(0, 99))


@given(parts, parts)
def test_two_orders_have_one_id_only_if_they_are_one(
    one: tuple[str, str, str, str, Leg, int], other: tuple[str, str, str, str, Leg, int]
) -> None:
    assert (client_order_id(*one) == client_order_id(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("ab", "c", "d", "k"), ("a", "bc", "d", "k")),
        (("a", "", "b", "k"), ("", "a", "b", "k")),
        (("1:a", "b", "c", "k"), ("1", ":ab", "c", "k")),
    ],
)
def test_parts_that_join_to_the_same_text_are_told_apart(
    one: tuple[str, str, str, str], other: tuple[str, str, str, str]
) -> None:
    assert client_order_id(*one, Leg.OPEN, 0) != client_order_id(*other, Leg.OPEN, 0)


def test_a_token_is_kept_as_its_sha_256() -> None:
    assert token_hash("secret") == "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
