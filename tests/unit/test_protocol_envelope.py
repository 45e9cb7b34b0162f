"""The envelope: which version is used, what is said of the others, and the canonical bodies as a whole."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from shared.domain import Direction, Envelope, EventType, LifecycleEvent, SignalEvent, UnknownEvent, VersionStatus
from shared.proquant import envelope
from shared.proquant.envelope import read, statuses
from shared.proquant.errors import MalformedBody, UnsupportedVersion

PAYLOADS = Path(__file__).parents[1] / "payloads"
STRATEGY = "6bbc583bf6d70605bbbc892f66367ab7"
POSITION = "960fe1a63d264d0f4e19a0ebf385497e"
T = 1549623690730
DEPRECATED = datetime(2030, 1, 1, tzinfo=UTC)

OPEN = SignalEvent(EventType.SIGNAL_OPEN, T, STRATEGY, "Gold High-Risk", POSITION, Direction.BUY, "XAUUSD", Decimal(10))
CLOSE = SignalEvent(
    EventType.SIGNAL_CLOSE, T + 60_000, STRATEGY, "Gold High-Risk", POSITION, Direction.BUY, "XAUUSD", Decimal(10)
)
REOPEN = SignalEvent(
    EventType.SIGNAL_REOPEN,
    T + 120_000,
    STRATEGY,
    "Gold High-Risk",
    "1f0c6b5d4e3a29180706f5e4d3c2b1a0",
    Direction.SELL,
    "XAUUSD",
    Decimal("2.5"),
)


def payload(name: str) -> bytes:
    return (PAYLOADS / f"{name}.json").read_bytes()


def body(**members: object) -> bytes:
    """The guide's example with other members at the top, or another deprecation."""
    top: dict[str, Any] = json.loads(payload("guide-example"))
    if "deprecation" in members:
        top["v1"]["deprecation"] = members.pop("deprecation")
    return json.dumps(top | members).encode()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("guide-example", Envelope("v1", None, (), OPEN)),
        ("signal-open", Envelope("v1", None, (), OPEN)),
        ("signal-close", Envelope("v1", None, (), CLOSE)),
        ("signal-reopen", Envelope("v1", None, (), REOPEN)),
        (
            "strategy-enabled",
            Envelope("v1", None, (), LifecycleEvent(EventType.STRATEGY_ENABLED, T - 2000, STRATEGY, "Gold High-Risk")),
        ),
        (
            "strategy-disabled",
            Envelope(
                "v1", None, (), LifecycleEvent(EventType.STRATEGY_DISABLED, T + 180_000, STRATEGY, "Gold High-Risk")
            ),
        ),
        ("integration-approved", Envelope("v1", None, (), LifecycleEvent(EventType.INTEGRATION_APPROVED, T - 3000))),
        ("integration-rejected", Envelope("v1", None, (), LifecycleEvent(EventType.INTEGRATION_REJECTED, T - 3000))),
        ("integration-deleted", Envelope("v1", None, (), LifecycleEvent(EventType.INTEGRATION_DELETED, T + 240_000))),
        ("unknown-type", Envelope("v1", None, (), UnknownEvent("STRATEGY_RENAMED", T))),
        ("deprecated", Envelope("v1", DEPRECATED, (), OPEN)),
        ("v1-and-v2", Envelope("v1", DEPRECATED, ("v2",), OPEN)),
    ],
)
def test_each_canonical_body_is_read(name: str, expected: Envelope) -> None:
    assert read(payload(name)) == expected


def test_there_is_a_canonical_body_of_every_event_type() -> None:
    names = {path.stem for path in PAYLOADS.glob("*.json")}
    assert {kind.lower().replace("_", "-") for kind in EventType} <= names


def test_a_body_of_unknown_versions_only_is_unsupported() -> None:
    with pytest.raises(UnsupportedVersion) as caught:
        read(payload("v2-only"))
    assert caught.value.versions == ("v2",)
    assert str(caught.value) == "body: holds only protocol versions that are not supported (v2)"


def test_the_highest_supported_version_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    newer = UnknownEvent("NEWER", 1)
    monkeypatch.setitem(envelope.VERSIONS, "v9", lambda _: UnknownEvent("OLDER", 1))
    monkeypatch.setitem(envelope.VERSIONS, "v10", lambda _: newer)
    entry: dict[str, object] = {"deprecation": None, "event": {}}
    assert read(body(v9=entry, v10=entry, v11=entry, v2=entry)) == Envelope("v10", None, ("v2", "v11"), newer)


def test_an_unknown_version_may_look_like_anything() -> None:
    assert read(body(v2=None, v3=[1], v4="x")).unknown_versions == ("v2", "v3", "v4")


def test_members_that_are_no_versions_are_ignored() -> None:
    others = dict.fromkeys(["meta", "v", "v0", "v01", "V1", "v1.1", "version", "v1000", "v1\n", ""], "x")
    assert read(body(**others)).unknown_versions == ()


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2020-01-01T00:00:00.000Z", datetime(2020, 1, 1, tzinfo=UTC)),
        ("2020-01-01T02:00:00+02:00", datetime(2020, 1, 1, tzinfo=UTC)),
        ("2020-01-01T00:00:00", datetime(2020, 1, 1, tzinfo=UTC)),
        ("2020-01-01", datetime(2020, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_deprecation_is_a_time_in_utc(text: str, date: datetime) -> None:
    deprecation = read(body(deprecation=text)).deprecation
    assert deprecation == date
    assert deprecation is not None
    assert deprecation.tzinfo is UTC


@pytest.mark.parametrize("odd", ["soon", "", 5, True, [], {}, "2020-13-01", "0001-01-01T00:00:00+23:59", "2" * 5000])
def test_an_odd_deprecation_loses_no_signal_and_is_told(odd: object) -> None:
    assert read(body(deprecation=odd)) == Envelope("v1", None, (), OPEN)
    assert statuses(body(deprecation=odd)) == (VersionStatus("v1", True, None, odd=True),)


def test_what_is_said_of_every_version_can_be_asked() -> None:
    said = statuses(body(deprecation=None, v10={"deprecation": "2031-01-01"}, v2=None))
    assert said == (
        VersionStatus("v1", True, None, odd=False),
        VersionStatus("v2", False, None, odd=False),
        VersionStatus("v10", False, datetime(2031, 1, 1, tzinfo=UTC), odd=False),
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"[]", "body: must be an object"),
        (b"null", "body: must be an object"),
        (b"{}", "body: holds no protocol version such as v1"),
        (b'{"event": {}}', "body: holds no protocol version such as v1"),
        (b'{"v1": null}', "v1: must be an object"),
        (b'{"v1": []}', "v1: must be an object"),
        (b'{"v1": {}}', "v1.event: is missing"),
        (b'{"v1": {"event": null}}', "v1.event: must be an object"),
        (
            b'{"v1": {"event": {"type": "INTEGRATION_DELETED", "timestamp": 1e999}}}',
            "v1.event.timestamp: is a number out of bounds",
        ),
        (b'{"v1": {}, "v1": {}}', "v1: is there twice"),
        (b'{"v1": {"event": {}, "event": {}}}', "v1.event: is there twice"),
    ],
)
def test_a_body_that_is_no_envelope_is_refused_by_place(text: bytes, sentence: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        read(text)
    assert str(caught.value) == sentence
