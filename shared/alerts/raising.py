"""Raises alerts: one row and one log line each."""

import structlog
from sqlalchemy import insert
from sqlalchemy.orm import Session

from shared.database.tables.alerts import Alert
from shared.domain import AccountId, AlertKind, EventId

log = structlog.get_logger()


def raise_alert(
    session: Session,
    kind: AlertKind,
    detail: str,
    account: AccountId | None = None,
    event: EventId | None = None,
) -> None:
    """Records the alert in the caller's transaction: it is committed exactly when its cause is."""
    session.execute(insert(Alert).values(kind=kind, account_id=account, event_id=event, detail=detail))
    log.warning(
        "Alert raised.",
        action="alert",
        kind=kind,
        account_id=account,
        event_id=event,
        detail=detail,
    )
