"""The receipt of one event: everything that is known about it, from named columns only, so that no secret can slip in.

SELECTs only; what follows from the rows is made by `timeline.py`.
"""

from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from shared.database.tables.accounts import Account
from shared.database.tables.alerts import Alert
from shared.database.tables.events import AnswerRow, EventRow, Resolution, Strategy
from shared.database.tables.orders import FillRow, OrderRow, PositionRow, WaitRow
from tools.views import timeline
from tools.views.listings import EVENT, ORDER, POSITION, RESOLUTION, Records, columns, deliveries, records

WHOLE_EVENT = (
    *("version", "timestamp_ms", "seq", "direction", "ticker", "quantity", "accepted_at", "started_at", "attempts"),
    *("failures", "next_attempt_at", "rung_at", "refused_by", "reason", "refusal_told"),
)
WHOLE_ORDER = (
    *ORDER,
    *("generation", "position_id", "attempts", "lookups", "in_flight_until", "trade_id", "average_price"),
    *("error_type", "reason", "created_at", "updated_at"),
)
FILL = ("fill_id", "quantity", "price", "at")
WHOLE_POSITION = ("id", *POSITION[2:], "symbol", "opened_by", "opened_at", "confirmed_by", "closed_by", "closed_at")
WAIT = ("leg", "times", "seconds", "since", "until", "reason")
ANSWER = ("status", "body", "first_at", "last_at", "times")


def receipt(session: Session, event_id: int) -> dict[str, Any] | None:
    """The event, its answers, legs, fills and waits, positions, alerts and who was told, resolutions, and story."""
    found = _event(session, event_id)
    if found is None:
        return None
    told: dict[str, Any] = {
        "answers": timeline.answers(found, records(session, _of_event(AnswerRow, ANSWER, event_id))),
        "orders": [_with_fills(session, order) for order in _orders(session, event_id)],
        "waits": records(session, _of_event(WaitRow, WAIT, event_id)),
        "positions": _positions(session, event_id),
        "alerts": [_with_deliveries(session, alert) for alert in _alerts(session, event_id)],
        "resolutions": records(session, _of_event(Resolution, RESOLUTION, event_id)),
    }
    whole = {**found, **told}
    return {**found, "milliseconds": timeline.milliseconds(whole), "timeline": timeline.timeline(whole), **told}


def _event(session: Session, event_id: int) -> dict[str, Any] | None:
    query = (
        select(
            Account.name.label("account"),
            func.nullif(Strategy.strategy_id, "").label("strategy_id"),
            Strategy.name.label("strategy_name"),
            *columns(EventRow, *(name for name in (*EVENT, *WHOLE_EVENT) if name not in {"account", "strategy_id"})),
        )
        .join(Account, Account.id == EventRow.account_id)
        .join(Strategy, Strategy.id == EventRow.strategy)
        .where(EventRow.id == event_id)
    )
    found = records(session, query)
    return {name: found[0][name] for name in (*EVENT, "strategy_name", *WHOLE_EVENT)} if found else None


def _of_event(table: type[Any], names: tuple[str, ...], event_id: int) -> Any:
    return select(*columns(table, *names)).filter_by(event_id=event_id).order_by(*table.__table__.primary_key)


def _orders(session: Session, event_id: int) -> Records:
    return records(session, _of_event(OrderRow, WHOLE_ORDER, event_id))


def _with_fills(session: Session, order: dict[str, Any]) -> dict[str, Any]:
    fills = select(*columns(FillRow, *FILL)).filter_by(order_id=order["id"])
    return {**order, "fills": records(session, fills.order_by(FillRow.id))}


def _positions(session: Session, event_id: int) -> Records:
    touched = select(OrderRow.position_id).where(OrderRow.event_id == event_id)
    of_event = (PositionRow.opened_by, PositionRow.confirmed_by, PositionRow.closed_by)
    related = or_(PositionRow.id.in_(touched), *(column == event_id for column in of_event))
    return records(session, select(*columns(PositionRow, *WHOLE_POSITION)).where(related).order_by(PositionRow.id))


def _alerts(session: Session, event_id: int) -> Records:
    return records(session, _of_event(Alert, ("id", "kind", "detail", "at"), event_id))


def _with_deliveries(session: Session, alert: dict[str, Any]) -> dict[str, Any]:
    return {**alert, "deliveries": deliveries(session, [alert["id"]])[alert["id"]]}
