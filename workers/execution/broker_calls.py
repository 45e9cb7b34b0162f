"""One call to the broker, and what it proves: every exception becomes one of the closed set of answers."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import structlog

from shared.domain import Leg, OrderState
from shared.situation.model import Order, Situation
from workers.brokers.base import (
    Broker,
    BrokerError,
    BrokerUnavailable,
    OpeningRef,
    OrderRejected,
    OrderRequest,
    OutcomeUnknown,
)
from workers.decision.lookup_patience import conclusive_from
from workers.decision.open_checks import Limits
from workers.decision.steps import (
    BrokerAnswer,
    LookupInconclusive,
    LookupNotMade,
    MarkAnswer,
    MarketAnswer,
    NotSent,
    ProvenAbsent,
    Rejected,
    Reported,
    SubmitUnknown,
    Unreachable,
)

log = structlog.get_logger()
_Said = TypeVar("_Said")


def submit(broker: Broker, s: Situation, order: Order) -> BrokerAnswer:
    """Sends the order, once. What an adapter raises outside its contract counts as an unknown outcome."""
    try:
        return Reported(order, broker.submit(_request(s, order)))
    except OrderRejected as rejection:
        return Rejected(order, rejection)
    except BrokerUnavailable as unavailable:
        return NotSent(order, unavailable.reason, unavailable.retry_after)
    except OutcomeUnknown as unknown:
        return SubmitUnknown(order, unknown.reason)
    except Exception as error:  # a bug in an adapter must never pass for a rejection
        log.exception("An adapter broke its contract.", action="adapter_bug", client_order_id=order.client_order_id)
        return SubmitUnknown(order, f"The adapter raised {type(error).__name__}.")


def look_up(broker: Broker, s: Situation, order: Order, asked_at: datetime, limits: Limits) -> BrokerAnswer:
    """Asks what became of the order. "Not found" is a proof only if it was asked late enough.

    An order that the broker has once reported cannot be absent: then a look-up that misses it proves nothing.
    """
    try:
        report = broker.find(_request(s, order))
    except BrokerUnavailable as unavailable:
        return LookupNotMade(order, unavailable.reason, unavailable.retry_after)
    except BrokerError as error:
        return LookupInconclusive(order, _reason(error))
    except Exception as error:  # as above
        log.exception("An adapter broke its contract.", action="adapter_bug", client_order_id=order.client_order_id)
        return LookupInconclusive(order, f"The adapter raised {type(error).__name__}.")
    if report is not None:
        return Reported(order, report)
    if order.state is OrderState.ACCEPTED or asked_at < conclusive_from(order, limits):
        return LookupInconclusive(order, "The broker does not show the order yet.")
    return ProvenAbsent(order)


def ask_market(broker: Broker, symbol: str, at: datetime) -> BrokerAnswer:
    """Whether a market order in `symbol` would be executed now."""
    said = _asked(lambda: broker.is_open(symbol, at))
    return said if isinstance(said, Unreachable) else MarketAnswer(symbol, said)


def ask_mark(broker: Broker) -> MarkAnswer | Unreachable:
    """The broker's high-water mark, which is stored with an intent so that a look-up knows where to begin.

    Most brokers find an order by its id alone: they are not asked.
    """
    said = _asked(lambda: broker.mark() if broker.capabilities.marks else None)
    return said if isinstance(said, Unreachable) else MarkAnswer(said)


def _asked(question: Callable[[], _Said]) -> _Said | Unreachable:
    """A question changes nothing: whatever is raised in place of an answer, it can be asked again."""
    try:
        return question()
    except BrokerUnavailable as unavailable:
        return Unreachable(unavailable.reason, unavailable.retry_after, refused=unavailable.credentials)
    except BrokerError as error:
        return Unreachable(_reason(error), None, faulty=True)
    except Exception as error:  # as above
        log.exception("An adapter broke its contract.", action="adapter_bug")
        return Unreachable(f"The adapter raised {type(error).__name__}.", None, faulty=True)


def _reason(error: BrokerError) -> str:
    return str(getattr(error, "reason", error)) or type(error).__name__


def _request(s: Situation, order: Order) -> OrderRequest:
    """The order as the adapter gets it: the same for every attempt and every look-up."""
    held = s.held if order.leg is Leg.CLOSE else None
    opening = OpeningRef(held.open_client_order_id, held.open_broker_order_id, held.trade_id) if held else None
    return OrderRequest(
        client_order_id=order.client_order_id,
        symbol=order.symbol,
        side=order.side,
        quantity=order.quantity,
        leg=order.leg,
        strategy_id=s.task.strategy_id,
        proquant_position_id=s.task.proquant_position_id,
        mark=order.mark,
        opening=opening,
    )
