"""Idempotency keys, content hashes and client order ids: pure functions of what they identify."""

import hashlib

from shared.domain import EXACT, ClientOrderId, Event, EventType, IntegrationId, Leg, SignalEvent


def event_key(event: Event, integration: IntegrationId | None = None) -> str:
    """What makes two deliveries the same event within one account. `integration`: whose token they came with, if any's.

    OPEN and CLOSE: the position and the type. REOPEN adds the timestamp, because the guide does not say whether a
    REOPEN carries the old or the new position's id: if an id survives a flip, two flips must not look like one.
    Lifecycle events: type, strategy and timestamp; of those that concern no strategy also the integration, since two
    users of an account may say the same in the same millisecond. The guide gives events no id of their own.
    """
    match event:
        case SignalEvent(type=EventType.SIGNAL_REOPEN):
            parts = [event.type, event.proquant_position_id, str(event.timestamp_ms)]
        case SignalEvent():
            parts = [event.type, event.proquant_position_id]
        case _:
            parts = [event.type, event.strategy_id, str(event.timestamp_ms)]
            if integration is not None and not event.strategy_id:
                parts.append(str(integration))
    return _digest(*parts)


def follow_up_key(key: str, strategy_id: str) -> str:
    """The key of what the lifecycle event of this key means for one strategy: the event again adds nothing."""
    return _digest("follow-up", key, strategy_id)


def content_hash(event: Event) -> str:
    """What must be equal in two deliveries of one key: direction, ticker, quantity and strategy of a signal.

    The quantity is compared as a number (10 and 10.0 are the same content).
    """
    if not isinstance(event, SignalEvent):
        return _digest(event.type)
    quantity = format(event.quantity.normalize(EXACT), "f")
    return _digest(event.type, event.strategy_id, event.direction or "", event.ticker, quantity)


def client_order_id(
    account: str,
    strategy_id: str,
    proquant_position_id: str,
    key: str,
    leg: Leg,
    generation: int,
) -> ClientOrderId:
    """The id that we give an order: the same for every attempt at it, fits `[A-Za-z0-9_-]{1,36}` of every broker.

    `generation` grows only where a new order is meant, such as the rest of a partly filled close.
    """
    digest = _digest(account, strategy_id, proquant_position_id, key, leg, str(generation))
    return ClientOrderId(f"pq-{digest[:32]}")


def token_hash(token: str) -> str:
    """SHA-256 of a bearer token: 32 random bytes need no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def _digest(*parts: str) -> str:
    """SHA-256 over length-prefixed parts, so that no two lists of parts give the same text."""
    text = "".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()
