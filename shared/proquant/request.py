"""Webhook bodies as ProQuant sends them: the inverse of `envelope.read`, for `send`, for simulators and for tests."""

import json
from collections.abc import Mapping
from decimal import Decimal

from shared.domain import Event, EventType, LifecycleEvent, SignalEvent, UnknownEvent

WEBHOOK_PATH = "/webhooks/proquant"  # of every receiver: what ProQuant is told when an integration is requested

_STRATEGY = frozenset({EventType.STRATEGY_ENABLED, EventType.STRATEGY_DISABLED})


def signal_body(event: Event, integration: Mapping[str, object] | None = None) -> bytes:
    """The version 1 body of `event`, with `integration` as it was created at ProQuant.

    `envelope.read(signal_body(event)).event == event` for every event that `read` can give.
    """
    return encoded({"v1": {"deprecation": None, "event": v1_event(event, integration or {})}})


def v1_event(event: Event, integration: Mapping[str, object]) -> dict[str, object]:
    """The event in version 1 format (guide, "v1 Event Structure"), to be `encoded` with its envelope."""
    return {
        "timestamp": event.timestamp_ms,
        "type": str(event.type),
        "integration": integration,
        "data": _data(event),
    }


def encoded(content: Mapping[str, object]) -> bytes:
    """A body as JSON, its quantities exact."""
    return _json(content).encode()


def _data(event: Event) -> dict[str, object] | None:
    match event:
        case SignalEvent():
            return {
                "direction": event.direction and event.direction.value,
                "ticker": event.ticker,
                "quantity": event.quantity,
                "strategy": {"id": event.strategy_id, "name": event.strategy_name},
                "proquantPositionId": event.proquant_position_id,
            }
        case LifecycleEvent() if event.type in _STRATEGY:
            return {"id": event.strategy_id, "name": event.strategy_name}
        case LifecycleEvent() | UnknownEvent():
            return None


def _json(value: object) -> str:
    """Compact JSON with exact decimals, which the standard encoder would only write as strings or floats."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(key)}:{_json(member)}" for key, member in value.items()) + "}"
    return format(value, "f") if isinstance(value, Decimal) else json.dumps(value)
