"""The invariants of events, as far as SQL can see them on live data.

Not that a strategy's orders stand in event order (I4): whether an order was right depends on what had been delivered
by then, which only a history of the deliveries could tell.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session, aliased

from shared.database.tables.alerts import Alert
from shared.database.tables.events import EventRow
from shared.database.tables.orders import OrderRow
from shared.domain import ORDER_FINAL, AlertKind, ErrorType, EventState, GenericError, Leg
from shared.inbox.unfinished import parked
from tools.cli.checks.finding import Finding
from tools.cli.checks.ledger import finding_of


def event_findings(session: Session) -> Iterator[Finding]:
    """Each is one statement, so that it sees one moment."""
    yield finding_of(session, "legs of a flip", _opened_before_closed(), "opened before the close was final in event")
    yield finding_of(session, "refusals", _refused_without_a_name(), "refused without a known reason: event")
    yield finding_of(session, "parked and told", _parked_in_silence(), "parked, and nobody was alerted of event")


def _opened_before_closed() -> Select[Any]:
    """I5: the open leg of a REOPEN is placed when its close leg is final, and not before."""
    closing, opening = aliased(OrderRow), aliased(OrderRow)
    return (
        select(closing.event_id)
        .join(opening, opening.event_id == closing.event_id)
        .where(closing.leg == Leg.CLOSE, closing.state.not_in(ORDER_FINAL), opening.leg == Leg.OPEN)
        .distinct()
        .order_by(closing.event_id)
    )


def _refused_without_a_name() -> Select[Any]:
    """I7: a refusal is one of the nine types or a named generic error, and nothing else has one."""
    named = EventRow.error_type.in_([*ErrorType, *GenericError])
    refused = EventRow.state == EventState.REFUSED
    wrong = or_(refused & (EventRow.error_type.is_(None) | ~named), ~refused & EventRow.error_type.is_not(None))
    return select(EventRow.id).where(wrong).order_by(EventRow.id)


def _parked_in_silence() -> Select[Any]:
    """I2: what waits for a person was told to one."""
    told = select(Alert.id).where(Alert.event_id == EventRow.id, Alert.kind == AlertKind.PARKED).exists()
    return select(EventRow.id).where(parked(EventRow), ~told).order_by(EventRow.id)
