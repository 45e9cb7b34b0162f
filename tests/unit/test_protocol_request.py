"""Bodies that we build are read back as the event they were built from, whatever the event."""

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain import SIGNALS, Direction, Event, EventType, LifecycleEvent, SignalEvent, UnknownEvent
from shared.proquant.envelope import read
from shared.proquant.request import signal_body

timestamps = st.integers(1, 7_258_118_399_999)
ids = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=128)
names = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=256)
quantities = st.decimals("1e-12", "9999999999999999", allow_nan=False, places=12) | st.integers(1, 10**28 - 1).map(
    Decimal
)
scaled = st.builds(
    lambda digits, exponent: Decimal(digits).scaleb(exponent), st.integers(1, 9999), st.integers(-12, 12)
)
signals = st.builds(
    SignalEvent,
    type=st.sampled_from(sorted(SIGNALS)),
    timestamp_ms=timestamps,
    strategy_id=ids,
    strategy_name=names,
    proquant_position_id=ids,
    direction=st.sampled_from(Direction),
    ticker=st.from_regex(r"[A-Za-z0-9._:/-]{1,32}", fullmatch=True),
    quantity=quantities | scaled,
)
strategy_events = st.builds(
    LifecycleEvent,
    st.sampled_from([EventType.STRATEGY_ENABLED, EventType.STRATEGY_DISABLED]),
    timestamps,
    ids,
    names,
)
integration_kinds = sorted(kind for kind in EventType if kind.startswith("INTEGRATION_"))
integration_events = st.builds(LifecycleEvent, st.sampled_from(integration_kinds), timestamps)
unknown_kinds = st.from_regex(r"[A-Z0-9_]{1,64}", fullmatch=True).filter(lambda kind: kind not in set(EventType))
events = signals | strategy_events | integration_events | st.builds(UnknownEvent, unknown_kinds, timestamps)


@settings(max_examples=300, deadline=None)
@given(events)
def test_every_event_survives_the_round_trip(event: Event) -> None:
    assert read(signal_body(event)).event == event


@settings(max_examples=100, deadline=None)
@given(signals)
def test_a_quantity_is_written_exactly_and_in_plain_notation(event: SignalEvent) -> None:
    body = signal_body(event)
    assert f'"quantity":{event.quantity:f},'.encode() in body


def test_the_integration_is_sent_as_it_was_given_and_null_data_is_null() -> None:
    event = LifecycleEvent(EventType.INTEGRATION_APPROVED, 1)
    integration = {"webhook": {"headers": {"authorization": "Bearer x"}}, "tags": ["a", 1]}
    assert signal_body(event, integration) == (
        b'{"v1":{"deprecation":null,"event":{"timestamp":1,"type":"INTEGRATION_APPROVED",'
        b'"integration":{"webhook":{"headers":{"authorization":"Bearer x"}},"tags":["a", 1]},"data":null}}}'
    )
