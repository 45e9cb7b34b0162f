"""Version 1 of ProQuant's events as JSON, and the domain events that they become (guide, "v1 Event Structure")."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, cast

from marshmallow import Schema, ValidationError, post_load

from shared.domain import Event, EventType, LifecycleEvent, SignalEvent, UnknownEvent
from shared.proquant.errors import MalformedBody
from shared.proquant.fields import IfUsable, Name, Object, Part, Quantity, Text, Ticker, Timestamp, Way

NO_TICKER, NO_QUANTITY = "", Decimal(0)


def _id(**options: str) -> Text:
    """The guide's ids are 32 hex digits, but it does not promise that. They go into logs and into hashes."""
    rule = "must be 1 to 128 printable ASCII characters without spaces"
    return Text(r"[\x21-\x7e]{1,128}", rule, required=True, **options)


class _StrategyData(Part):
    id = _id()
    name = Name()


class _OpenData(Part):
    direction = Way(required=True)
    ticker = Ticker(required=True)
    quantity = Quantity(required=True)
    strategy = Object(_StrategyData, required=True)
    position_id = _id(data_key="proquantPositionId")


class _CloseData(Part):
    """What is held is closed, whatever is said of it. An odd ticker, a quantity of 0 or of null once refused a CLOSE.

    A REOPEN is read so too: its open leg is refused for what cannot be read, and its close leg is executed.
    """

    direction = IfUsable(Way(required=True), None)
    ticker = IfUsable(Ticker(required=True), NO_TICKER)
    quantity = IfUsable(Quantity(required=True), NO_QUANTITY)
    strategy = Object(_StrategyData, required=True)
    position_id = _id(data_key="proquantPositionId")


class _Event(Part):
    """`integration` and `userEmail` are not listed, hence dropped here: they carry our own token back to us."""

    timestamp = Timestamp(required=True)
    type = Text("[A-Z0-9_]{1,64}", "must be 1 to 64 of A to Z, 0 to 9 and _", required=True)

    @post_load
    def _event(self, loaded: Mapping[str, Any], **_: Any) -> Event:
        if loaded["type"] in set(EventType):
            return LifecycleEvent(EventType(loaded["type"]), loaded["timestamp"])
        return UnknownEvent(loaded["type"], loaded["timestamp"])


class _StrategyEvent(_Event):
    data = Object(_StrategyData, required=True)

    @post_load
    def _event(self, loaded: Mapping[str, Any], **_: Any) -> Event:
        strategy = loaded["data"]
        return LifecycleEvent(EventType(loaded["type"]), loaded["timestamp"], strategy["id"], strategy["name"] or "")


class _OpenEvent(_Event):
    data = Object(_OpenData, required=True)

    @post_load
    def _event(self, loaded: Mapping[str, Any], **_: Any) -> Event:
        data = loaded["data"]
        return SignalEvent(
            type=EventType(loaded["type"]),
            timestamp_ms=loaded["timestamp"],
            strategy_id=data["strategy"]["id"],
            strategy_name=data["strategy"]["name"] or "",
            proquant_position_id=data["position_id"],
            direction=data["direction"],
            ticker=data["ticker"],
            quantity=data["quantity"],
        )


class _CloseEvent(_OpenEvent):
    data = Object(_CloseData, required=True)


_BARE = _Event()  # INTEGRATION_* have no data, and of an unknown type we want none
_SCHEMAS: dict[str, Schema] = {
    EventType.STRATEGY_ENABLED: _StrategyEvent(),
    EventType.STRATEGY_DISABLED: _StrategyEvent(),
    EventType.SIGNAL_OPEN: _OpenEvent(),
    EventType.SIGNAL_CLOSE: _CloseEvent(),
    EventType.SIGNAL_REOPEN: _CloseEvent(),
}


def parse(event: object) -> Event:
    """The domain event that the parsed JSON `event` stands for.

    A type that the guide does not list becomes an UnknownEvent. Raises MalformedBody that names every odd field.
    """
    try:
        return cast(Event, _schema_of(event).load(cast(Any, event)))
    except ValidationError as error:
        problems = list(_problems(error.messages, "v1.event"))
    # Raised outside the handler: marshmallow's error carries the whole event along.
    raise MalformedBody("; ".join(problems))


def _schema_of(event: object) -> Schema:
    kind = event.get("type") if isinstance(event, dict) else None
    return _SCHEMAS.get(kind, _BARE) if isinstance(kind, str) else _BARE


def _problems(messages: object, path: str) -> Iterator[str]:
    """marshmallow's tree of messages as sentences: `v1.event.data.quantity: must be a number greater than 0`."""
    if isinstance(messages, dict):
        for field, below in messages.items():
            yield from _problems(below, path if field == "_schema" else f"{path}.{field}")
    else:
        yield from (f"{path}: {message}" for message in cast(list[str], messages))
