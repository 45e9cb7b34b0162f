"""Version 1 of the events: each type becomes its domain event, and every odd field is refused by its path."""

from decimal import Decimal
from typing import Any

import pytest

from shared.domain import Direction, EventType, LifecycleEvent, SignalEvent, UnknownEvent
from shared.proquant import v1
from shared.proquant.errors import MalformedBody
from shared.proquant.strict_json import Unusable

ABSENT = object()


def signal(**changes: object) -> dict[str, Any]:
    """A good SIGNAL_OPEN; `changes` are by dotted path with `__` for the dot, ABSENT takes the field away."""
    event: dict[str, Any] = {
        "timestamp": 1549623690730,
        "type": "SIGNAL_OPEN",
        "integration": {"webhook": {"headers": {"authorization": "Bearer hidden"}}},
        "data": {
            "direction": "BUY",
            "ticker": "XAUUSD",
            "quantity": 10,
            "strategy": {"id": "s1", "name": "Gold"},
            "proquantPositionId": "p1",
        },
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        place = event
        for parent in parents:
            place = place[parent]
        place.pop(last, None) if value is ABSENT else place.update({last: value})
    return event


def refusal(event: object) -> str:
    with pytest.raises(MalformedBody) as caught:
        v1.parse(event)
    assert caught.value.__context__ is None, "the cause would carry the event along"
    return str(caught.value)


@pytest.mark.parametrize("kind", ["SIGNAL_OPEN", "SIGNAL_CLOSE", "SIGNAL_REOPEN"])
def test_a_signal_becomes_a_signal_event(kind: str) -> None:
    assert v1.parse(signal(type=kind)) == SignalEvent(
        EventType(kind), 1549623690730, "s1", "Gold", "p1", Direction.BUY, "XAUUSD", Decimal(10)
    )


@pytest.mark.parametrize("kind", ["STRATEGY_ENABLED", "STRATEGY_DISABLED"])
def test_a_strategy_event_carries_its_strategy(kind: str) -> None:
    event = v1.parse(signal(type=kind, data={"id": "s1", "name": "Gold"}))
    assert event == LifecycleEvent(EventType(kind), 1549623690730, "s1", "Gold")


@pytest.mark.parametrize("kind", ["INTEGRATION_APPROVED", "INTEGRATION_REJECTED", "INTEGRATION_DELETED"])
@pytest.mark.parametrize("data", [None, ABSENT, {"id": "s1"}, 5])
def test_an_integration_event_needs_no_data_and_minds_none(kind: str, data: object) -> None:
    assert v1.parse(signal(type=kind, data=data)) == LifecycleEvent(EventType(kind), 1549623690730)


@pytest.mark.parametrize("data", [None, ABSENT, {"quantity": "odd"}])
def test_an_unlisted_type_becomes_an_unknown_event_whatever_its_data(data: object) -> None:
    assert v1.parse(signal(type="SIGNAL_HEDGE", data=data)) == UnknownEvent("SIGNAL_HEDGE", 1549623690730)


def test_fields_that_we_do_not_know_are_ignored_at_every_level() -> None:
    event = signal(more=1, data__more=[1], data__strategy__more={}, _schema="x")
    assert v1.parse(event) == v1.parse(signal())


@pytest.mark.parametrize("integration", [ABSENT, None, 5, "x", [], {"webhook": None}])
def test_the_integration_may_be_missing_or_anything(integration: object) -> None:
    assert v1.parse(signal(integration=integration, userEmail=integration)) == v1.parse(signal())


@pytest.mark.parametrize("name", [ABSENT, None, ""])
def test_a_strategy_without_a_name_is_still_a_strategy(name: object) -> None:
    event = v1.parse(signal(data__strategy__name=name))
    assert isinstance(event, SignalEvent)
    assert event.strategy_name == ""


@pytest.mark.parametrize("quantity", [1, Decimal("0.000000000001"), Decimal("1E+15"), 10**27])
def test_a_quantity_is_exact(quantity: int | Decimal) -> None:
    event = v1.parse(signal(data__quantity=quantity))
    assert isinstance(event, SignalEvent)
    assert type(event.quantity) is Decimal
    assert event.quantity == quantity


def test_a_timestamp_may_be_spelt_with_an_exponent_if_it_is_whole() -> None:
    event = v1.parse(signal(timestamp=Decimal("1.549E+12")))
    assert (event.timestamp_ms, type(event.timestamp_ms)) == (1549000000000, int)


NUMBER = "must be a number greater than 0"
WHOLE = "must be a whole number of milliseconds"
TIME = "must be Unix milliseconds after 1970 and before 2200"
ID = "must be 1 to 128 printable ASCII characters without spaces"
TICKER = "must be 1 to 64 printable characters"
KIND = "must be 1 to 64 of A to Z, 0 to 9 and _"
ODD: list[tuple[str, list[object], str]] = [
    ("timestamp", [None], "must not be null"),
    ("timestamp", ["1549623690730", True, Decimal("1.5"), [], {}], WHOLE),
    ("timestamp", [0, -1, 7_258_118_400_000, 10**27], TIME),
    ("type", [None], "must not be null"),
    ("type", ["", "signal_open", "A B", "SIGNAL-OPEN", "A" * 65, "SIGNAL_OPEN\n", 5, [], {}, True], KIND),
    ("data", [None, 5, "x", [], [{}]], "must be an object"),
    ("data.direction", ["buy", "BUYSELL", "BUY\n", "", 1, [], {}], "must be BUY or SELL"),
    ("data.ticker", ["", "A" * 65, "XAU\n", "XAU\x00", "XAU\ud83d", "\x85", 5, {}], TICKER),
    ("data.quantity", [0, -1, Decimal("-0.1"), Decimal(0), "10", True, [], {}], NUMBER),
    ("data.quantity", [None], "must not be null"),
    ("data.strategy", [None, 5, "x", []], "must be an object"),
    ("data.strategy.id", ["", "a b", "a\n", "x" * 129, "\u0417", "\x7f", 5, [], {}, False], ID),
    ("data.quantity", [Unusable("is a number out of bounds")], "is a number out of bounds"),
    ("data", [Unusable("is there twice")], "is there twice"),
    ("data.proquantPositionId", ["", "a b", "x" * 129, 5, [], {}], ID),
    ("data.proquantPositionId", [None], "must not be null"),
]


@pytest.mark.parametrize(("path", "value", "rule"), [(path, v, rule) for path, odd, rule in ODD for v in odd])
def test_an_odd_field_is_named_with_its_rule(path: str, value: object, rule: str) -> None:
    assert refusal(signal(**{path.replace(".", "__"): value})) == f"v1.event.{path}: {rule}"


@pytest.mark.parametrize(
    "path",
    [
        "timestamp",
        "type",
        "data",
        "data.direction",
        "data.ticker",
        "data.quantity",
        "data.strategy",
        "data.strategy.id",
        "data.proquantPositionId",
    ],
)
def test_a_missing_field_is_named(path: str) -> None:
    assert refusal(signal(**{path.replace(".", "__"): ABSENT})) == f"v1.event.{path}: is missing"


@pytest.mark.parametrize("data", [None, {}, {"id": ""}])
def test_a_strategy_event_needs_its_strategy(data: object) -> None:
    assert refusal(signal(type="STRATEGY_ENABLED", data=data)).startswith("v1.event.data")


def test_several_odd_fields_are_all_named() -> None:
    event = signal(timestamp=ABSENT, data__quantity=0, data__strategy__id=5)
    assert refusal(event) == (
        f"v1.event.timestamp: is missing; v1.event.data.quantity: {NUMBER}; v1.event.data.strategy.id: {ID}"
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Gold \ud83d", "Gold \ufffd"),
        ("two\r\nlines", "two  lines"),
        ("x" * 300, "x" * 256),
        ("\x1b[2J\x00\x9b", " [2J  "),
        (5, ""),
        ({}, ""),
        (Unusable("is there twice"), ""),
    ],
)
@pytest.mark.parametrize("kind", ["SIGNAL_OPEN", "SIGNAL_CLOSE", "STRATEGY_ENABLED"])
def test_a_name_never_refuses_what_it_decorates(kind: str, name: object, shown: str) -> None:
    event = signal(type=kind, data__strategy__name=name, data__name=name, data__id="s1")
    read = v1.parse(event)
    assert not isinstance(read, UnknownEvent)
    assert (read.strategy_id, read.strategy_name) == ("s1", shown)


@pytest.mark.parametrize("ticker", ["XAUUSD+", "EURUSD#", "ES1!", "S&P500", "GC=F", "BRK B", "\u0417", "A" * 64])
@pytest.mark.parametrize("kind", ["SIGNAL_OPEN", "SIGNAL_CLOSE", "SIGNAL_REOPEN"])
def test_a_ticker_is_any_printable_text(kind: str, ticker: str) -> None:
    event = v1.parse(signal(type=kind, data__ticker=ticker))
    assert isinstance(event, SignalEvent)
    assert event.ticker == ticker


@pytest.mark.parametrize("kind", ["SIGNAL_CLOSE", "SIGNAL_REOPEN"])
@pytest.mark.parametrize("field", ["direction", "ticker", "quantity"])
@pytest.mark.parametrize("odd", [ABSENT, None, 0, -1, "", [], {}, True, "1\n", "A" * 65, Unusable("is there twice")])
def test_what_is_held_can_be_closed_whatever_is_said_of_it(kind: str, field: str, odd: object) -> None:
    event = v1.parse(signal(type=kind, **{f"data__{field}": odd}))
    assert isinstance(event, SignalEvent)
    expected = {"direction": Direction.BUY, "ticker": "XAUUSD", "quantity": Decimal(10)}
    unread = {"direction": None, "ticker": "", "quantity": Decimal(0)}
    assert (event.direction, event.ticker, event.quantity) == tuple((expected | {field: unread[field]}).values())


@pytest.mark.parametrize("event", [None, 5, "SIGNAL_OPEN", [], [{}]])
def test_an_event_that_is_no_object_is_refused(event: object) -> None:
    assert refusal(event) == "v1.event: must be an object"
