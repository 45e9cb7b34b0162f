"""What the command line reads: SELECTs only. Fields are named as the commands' JSON names them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, case, func, literal, null, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared import accounts, exposure
from shared.integration_tables import IntegrationRow
from shared.tables import Account, Alert, EventRow, FillRow, InstrumentRow, OrderRow, PositionRow, Resolution, Strategy

Records = list[dict[str, Any]]

ACCOUNT = (
    "account",
    "broker",
    "multiplier",
    "paused",
    "integration",
    "on_deleted",
    "on_disabled",
    "created_at",
)
INTEGRATION = ("account", "user_email", "integration", "integration_at", "requested_at", "attempts", "problem")
EVENT = (
    "id",
    "account",
    "type",
    "state",
    "error_type",
    "strategy_id",
    "proquant_position_id",
    "received_at",
    "finished_at",
)
ORDER = (
    "id",
    "event_id",
    "leg",
    "client_order_id",
    "broker_order_id",
    "symbol",
    "side",
    "quantity",
    "filled_quantity",
    "state",
)
POSITION = ("account", "strategy_id", "proquant_position_id", "ticker", "direction", "quantity", "state")
INSTRUMENT = ("ticker", "symbol", "minimum", "maximum", "step", "currency")
RESOLUTION = ("verdict", "order_id", "quantity", "price", "who", "note", "at")
ALERT = ("id", "kind", "account", "event_id", "detail", "at")

_STRATEGY_ID = func.nullif(Strategy.strategy_id, "").label("strategy_id")  # empty: the account as a whole


@dataclass(frozen=True, slots=True)
class Held:
    """The open position of a strategy, in the words of a signal."""

    proquant_position_id: str
    ticker: str
    direction: str
    quantity: Decimal


def all_accounts(session: Session) -> Records:
    """Every account, by name."""
    query = select(Account.name.label("account"), *_columns(Account, *ACCOUNT[1:]))
    return _records(session, query.order_by(Account.name))


def integrations(session: Session, account: str | None = None) -> Records:
    """Every integration and where it stands, by account and age; `integration_at`: since when the user says so.

    Without `user_email`: what was said of the account's own token, where it has no integration or something was said.
    Raises UnknownAccount.
    """
    at_ms = case(
        (IntegrationRow.state == "approved", IntegrationRow.approved_at_ms),
        (IntegrationRow.state == "rejected", IntegrationRow.rejected_at_ms),
        (IntegrationRow.state == "deleted", IntegrationRow.deleted_at_ms),
    )
    requested = select(
        Account.name.label("account"),
        IntegrationRow.id,
        IntegrationRow.user_email,
        IntegrationRow.state.label("integration"),
        func.to_timestamp(at_ms / 1000.0).label("integration_at"),
        *_columns(IntegrationRow, "requested_at", "attempts", "problem"),
    ).join(Account, Account.id == IntegrationRow.account_id)
    by_hand = select(
        Account.name.label("account"),
        literal(0).label("id"),
        null().label("user_email"),
        Account.integration,
        func.to_timestamp(Account.integration_at_ms / 1000.0).label("integration_at"),
        null().label("requested_at"),
        null().label("attempts"),
        null().label("problem"),
    ).where(
        (Account.integration != accounts.Integration.UNKNOWN)
        | ~select(IntegrationRow.id).where(IntegrationRow.account_id == Account.id).exists()
    )
    both = union_all(_of_account(session, requested, account), _of_account(session, by_hand, account)).subquery()
    return _records(session, select(both).order_by(both.c.account, both.c.id))


def events(
    session: Session, account: str | None, state: str | None, limit: int | None, before: int | None = None
) -> Records:
    """The newest events first; `before`: only those with a smaller id. Raises UnknownAccount."""
    query = (
        select(
            EventRow.id,
            Account.name.label("account"),
            *_columns(EventRow, "type", "state", "error_type"),
            _STRATEGY_ID,
            *_columns(EventRow, "proquant_position_id", "received_at", "finished_at"),
        )
        .join(Account, Account.id == EventRow.account_id)
        .join(Strategy, Strategy.id == EventRow.strategy)
        .order_by(EventRow.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(EventRow.state == state)
    return _records(session, _of_account(session, _before(query, EventRow.id, before), account))


def orders(session: Session, account: str | None, limit: int | None, before: int | None = None) -> Records:
    """The newest orders first; `before`: only those with a smaller id. Raises UnknownAccount."""
    query = (
        select(*_columns(OrderRow, *ORDER))
        .join(EventRow, EventRow.id == OrderRow.event_id)
        .join(Account, Account.id == EventRow.account_id)
        .order_by(OrderRow.id.desc())
        .limit(limit)
    )
    return _records(session, _of_account(session, _before(query, OrderRow.id, before), account))


def positions(
    session: Session,
    account: str | None,
    only_open: bool,
    limit: int | None,
    before: int | None = None,
    only_orphaned: bool = False,
) -> Records:
    """The newest positions first; `before`: only those with a smaller id. Raises UnknownAccount.

    Orphaned is what no signal will close: its integration was ended, or its strategy is disabled.
    """
    query = (
        select(
            PositionRow.id, Account.name.label("account"), Strategy.strategy_id, *_columns(PositionRow, *POSITION[2:])
        )
        .join(Strategy, Strategy.id == PositionRow.strategy)
        .join(Account, Account.id == Strategy.account_id)
        .order_by(PositionRow.id.desc())
        .limit(limit)
    )
    if only_open:
        query = query.where(PositionRow.state == "open")
    if only_orphaned:
        query = query.where(exposure.orphaned())
    return _records(session, _of_account(session, _before(query, PositionRow.id, before), account))


def instruments(session: Session, account: str) -> Records:
    """The account's instruments, by ticker. Raises UnknownAccount."""
    query = select(*_columns(InstrumentRow, *INSTRUMENT)).order_by(InstrumentRow.ticker)
    return _records(session, query.where(InstrumentRow.account_id == accounts.named(session, account).id))


def alerts(session: Session, limit: int | None, account: str | None = None, before: int | None = None) -> Records:
    """The newest alerts first; `before`: only those with a smaller id. Raises UnknownAccount."""
    query = (
        select(*_columns(Alert, "id", "kind"), Account.name.label("account"), *_columns(Alert, *ALERT[3:]))
        .outerjoin(Account, Account.id == Alert.account_id)
        .order_by(Alert.id.desc())
        .limit(limit)
    )
    return _records(session, _of_account(session, _before(query, Alert.id, before), account))


def held(session: Session, account: str, strategy_id: str) -> Held | None:
    """What the strategy holds, if anything. Raises UnknownAccount."""
    row = session.execute(
        select(*_columns(PositionRow, "proquant_position_id", "ticker", "direction", "quantity"))
        .join(Strategy, Strategy.id == PositionRow.strategy)
        .where(Strategy.account_id == accounts.named(session, account).id, Strategy.strategy_id == strategy_id)
        .where(PositionRow.state == "open")
    ).one_or_none()
    return None if row is None else Held(*row)


def receipt(session: Session, event_id: int) -> dict[str, Any] | None:
    """Everything known about one event: its orders with their fills, its positions, alerts and resolutions."""
    whole = (
        select(
            Account.name.label("account"),
            _STRATEGY_ID,
            Strategy.name.label("strategy_name"),
            *(column for column in EventRow.__table__.c if column.name not in {"account_id", "strategy"}),
        )
        .join(Account, Account.id == EventRow.account_id)
        .join(Strategy, Strategy.id == EventRow.strategy)
        .where(EventRow.id == event_id)
    )
    found = _records(session, whole)
    if not found:
        return None
    return {
        **{name: found[0][name] for name in (*EVENT, *found[0])},
        "orders": [_with_fills(session, order) for order in _orders_of(session, event_id)],
        "positions": _positions_of(session, event_id),
        "alerts": _records(
            session, select(*_columns(Alert, "id", "kind", "detail", "at")).filter_by(event_id=event_id)
        ),
        "resolutions": _records(
            session, select(*_columns(Resolution, *RESOLUTION)).filter_by(event_id=event_id).order_by(Resolution.id)
        ),
    }


def _orders_of(session: Session, event_id: int) -> Records:
    names = (*ORDER, *(column.key for column in OrderRow.__table__.c if column.key not in ORDER))
    return _records(session, select(*_columns(OrderRow, *names)).filter_by(event_id=event_id).order_by(OrderRow.id))


def _with_fills(session: Session, order: dict[str, Any]) -> dict[str, Any]:
    fills = select(*_columns(FillRow, "fill_id", "quantity", "price", "at")).filter_by(order_id=order["id"])
    return {**order, "fills": _records(session, fills.order_by(FillRow.id))}


def _positions_of(session: Session, event_id: int) -> Records:
    names = ("id", *POSITION[2:], "symbol", "opened_by", "opened_at", "closed_by", "closed_at")
    touched = select(OrderRow.position_id).where(OrderRow.event_id == event_id)
    related = PositionRow.id.in_(touched) | (PositionRow.opened_by == event_id) | (PositionRow.closed_by == event_id)
    return _records(session, select(*_columns(PositionRow, *names)).where(related).order_by(PositionRow.id))


def _of_account(session: Session, query: Select[Any], account: str | None) -> Select[Any]:
    return query if account is None else query.where(Account.id == accounts.named(session, account).id)


def _before(query: Select[Any], id_: InstrumentedAttribute[int], before: int | None) -> Select[Any]:
    return query if before is None else query.where(id_ < before)


def _columns(row: type[Any], *names: str) -> Sequence[Any]:
    return [getattr(row, name) for name in names]


def _records(session: Session, query: Select[Any]) -> Records:
    return [dict(row) for row in session.execute(query).mappings()]
