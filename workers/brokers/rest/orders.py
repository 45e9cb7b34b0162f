"""The orders that come over the REST contract, read back into the values of ours. Pure."""

from collections.abc import Mapping
from decimal import Decimal

from shared.domain import BrokerOrderId, ClientOrderId, Direction, Leg
from workers.brokers.base import OpeningRef, OrderRequest
from workers.brokers.rest import translate


def asked(body: object, client_order_id: str) -> OrderRequest:
    """The order that a PUT asks for: what `order` wrote, read back by the reference implementation."""
    fields = translate.mapping(body)
    return OrderRequest(
        client_order_id=ClientOrderId(client_order_id),
        symbol=translate.text(fields, "symbol"),
        side=Direction(translate.text(fields, "side")),
        quantity=translate.number(fields, "quantity"),
        leg=Leg(translate.text(fields, "leg")),
        strategy_id=translate.text(fields, "strategy_id"),
        proquant_position_id=translate.text(fields, "proquant_position_id"),
        mark=translate.optional(fields, "mark", translate.text),
        opening=translate.optional(fields, "opening", _opening),
    )


def _opening(fields: Mapping[str, object], name: str) -> OpeningRef:
    inner = translate.mapping(fields[name])
    broker_order_id = translate.optional(inner, "broker_order_id", translate.text)
    return OpeningRef(
        ClientOrderId(translate.text(inner, "client_order_id")),
        None if broker_order_id is None else BrokerOrderId(broker_order_id),
        translate.optional(inner, "trade_id", translate.text),
    )


def looked_up(client_order_id: str, mark: str | None) -> OrderRequest:
    """The order of a look-up: its id and its mark are all that counts in one."""
    return OrderRequest(ClientOrderId(client_order_id), "", Direction.BUY, Decimal(0), Leg.OPEN, "", "", mark)
