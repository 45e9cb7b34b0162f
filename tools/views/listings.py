"""What the command line reads: SELECTs only. Fields are named as the commands' JSON names them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Select, case, func, literal, null, select, union_all
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.accounts import accounts
from shared.database.tables.accounts import Account, InstrumentRow, IntegrationRow
from shared.database.tables.alerts import Alert, DeliveryRow
from shared.database.tables.events import EventRow, Strategy
from shared.database.tables.orders import OrderRow, PositionRow
from shared.inbox import affected_strategies

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
DELIVERY = ("channel", "state", "reason", "attempts", "next_attempt_at", "finished_at")

_STRATEGY_ID = func.nullif(Strategy.strategy_id, "").label("strategy_id")  # empty: the account as a whole


@dataclass(frozen=True, slots=True)
class SignalPosition:
    """The open position of a strategy, in the words of a signal."""

    proquant_position_id: str
    ticker: str
    direction: str
    quantity: Decimal


def all_accounts(session: Session) -> Records:
    """Every account, by name."""
    query = select(Account.name.label("account"), *columns(Account, *ACCOUNT[1:]))
    return records(session, query.order_by(Account.name))


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
        *columns(IntegrationRow, "requested_at", "attempts", "problem"),
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
        (Account.integration != accounts.ManualIntegration.UNKNOWN)
        | ~select(IntegrationRow.id).where(IntegrationRow.account_id == Account.id).exists()
    )
    both = union_all(_of_account(session, requested, account), _of_account(session, by_hand, account)).subquery()
    return records(session, select(both).order_by(both.c.account, both.c.id))


def events(
    session: Session, account: str | None, state: str | None, limit: int | None, before: int | None = None
) -> Records:
    """The newest events first; `before`: only those with a smaller id. Raises UnknownAccount."""
    query = (
        select(
            EventRow.id,
            Account.name.label("account"),
            *columns(EventRow, "type", "state", "error_type"),
            _STRATEGY_ID,
            *columns(EventRow, "proquant_position_id", "received_at", "finished_at"),
        )
        .join(Account, Account.id == EventRow.account_id)
        .join(Strategy, Strategy.id == EventRow.strategy)
        .order_by(EventRow.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(EventRow.state == state)
    return records(session, _of_account(session, _before(query, EventRow.id, before), account))


def orders(session: Session, account: str | None, limit: int | None, before: int | None = None) -> Records:
    """The newest orders first; `before`: only those with a smaller id. Raises UnknownAccount."""
    query = (
        select(*columns(OrderRow, *ORDER))
        .join(EventRow, EventRow.id == OrderRow.event_id)
        .join(Account, Account.id == EventRow.account_id)
        .order_by(OrderRow.id.desc())
        .limit(limit)
    )
    return records(session, _of_account(session, _before(query, OrderRow.id, before), account))


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
            PositionRow.id, Account.name.label("account"), Strategy.strategy_id, *columns(PositionRow, *POSITION[2:])
        )
        .join(Strategy, Strategy.id == PositionRow.strategy)
        .join(Account, Account.id == Strategy.account_id)
        .order_by(PositionRow.id.desc())
        .limit(limit)
    )
    if only_open:
        query = query.where(PositionRow.state == "open")
    if only_orphaned:
        query = query.where(affected_strategies.orphaned())
    return records(session, _of_account(session, _before(query, PositionRow.id, before), account))


def instruments(session: Session, account: str) -> Records:
    """The account's instruments, by ticker. Raises UnknownAccount."""
    query = select(*columns(InstrumentRow, *INSTRUMENT)).order_by(InstrumentRow.ticker)
    return records(session, query.where(InstrumentRow.account_id == accounts.named(session, account).id))


def alerts(session: Session, limit: int | None, account: str | None = None, before: int | None = None) -> Records:
    """The newest first, each with its deliveries; `before`: only those with a smaller id. Raises UnknownAccount."""
    query = (
        select(*columns(Alert, "id", "kind"), Account.name.label("account"), *columns(Alert, *ALERT[3:]))
        .outerjoin(Account, Account.id == Alert.account_id)
        .order_by(Alert.id.desc())
        .limit(limit)
    )
    found = records(session, _of_account(session, _before(query, Alert.id, before), account))
    told = deliveries(session, [alert["id"] for alert in found])
    return [{**alert, "deliveries": told[alert["id"]]} for alert in found]


def deliveries(session: Session, alerts: list[int]) -> dict[int, Records]:
    """Who was told of each of these alerts, and how that went."""
    rows = select(DeliveryRow.alert_id, *columns(DeliveryRow, *DELIVERY)).where(DeliveryRow.alert_id.in_(alerts))
    told: dict[int, Records] = {alert: [] for alert in alerts}
    for row in records(session, rows.order_by(DeliveryRow.id)):
        told[row.pop("alert_id")].append(row)
    return told


def held(session: Session, account: str, strategy_id: str) -> SignalPosition | None:
    """What the strategy holds, if anything. Raises UnknownAccount."""
    row = session.execute(
        select(*columns(PositionRow, "proquant_position_id", "ticker", "direction", "quantity"))
        .join(Strategy, Strategy.id == PositionRow.strategy)
        .where(Strategy.account_id == accounts.named(session, account).id, Strategy.strategy_id == strategy_id)
        .where(PositionRow.state == "open")
    ).one_or_none()
    return None if row is None else SignalPosition(*row)


def _of_account(session: Session, query: Select[Any], account: str | None) -> Select[Any]:
    return query if account is None else query.where(Account.id == accounts.named(session, account).id)


def _before(query: Select[Any], id_: InstrumentedAttribute[int], before: int | None) -> Select[Any]:
    return query if before is None else query.where(id_ < before)


def columns(row: type[Any], *names: str) -> Sequence[Any]:
    """The columns of these names."""
    return [getattr(row, name) for name in names]


def records(session: Session, query: Select[Any]) -> Records:
    """What the query finds, each row by its names."""
    return [dict(row) for row in session.execute(query).mappings()]
