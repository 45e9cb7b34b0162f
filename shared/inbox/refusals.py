"""Which refusals ProQuant is known to have been told, and which may have been told to nobody.

Known is what was noted: by a receiver, after it answered with the refusal, or by whoever told a person in its place.
That no 200 was noted proves nothing: the database may have been away when it was to be.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, literal, select, update
from sqlalchemy.orm import Session

from shared.database.engine import table_of
from shared.database.tables.events import EventRow
from shared.domain import AccountId, EventId

_EVENT = table_of(EventRow)
_UNTOLD = (_EVENT.c.error_type.is_not(None), ~_EVENT.c.refusal_told)  # as the index of them has it


@dataclass(frozen=True, slots=True)
class UntoldRefusal:
    """A refused event that nobody is known to have been told of; `error` and `detail` are what the answer would say."""

    event: EventId
    account: AccountId
    error: str
    detail: str


def mark_told(session: Session, events: Sequence[EventId]) -> None:
    """Notes that ProQuant was answered with the refusals of these events, or that an alert tells of them."""
    refused = (
        select(_EVENT.c.id)
        .where(_EVENT.c.id == _any(events), *_UNTOLD)
        .order_by(_EVENT.c.id)  # so that no two who note the same events wait for each other
        .with_for_update(key_share=True)
    )
    session.execute(update(_EVENT).where(_EVENT.c.id.in_(refused)).values(refusal_told=True))


def untold(session: Session, ended_before: datetime, limit: int) -> list[UntoldRefusal]:
    """The oldest untold refusals, locked; those that another transaction has locked are skipped."""
    columns = _EVENT.c
    query = (
        select(columns.id, columns.account_id, columns.error_type, columns.reason)
        .where(*_UNTOLD, columns.finished_at < ended_before)
        .order_by(columns.finished_at)
        .limit(limit)
        .with_for_update(key_share=True, skip_locked=True)
    )
    return [
        UntoldRefusal(EventId(row.id), AccountId(row.account_id), row.error_type, row.reason or "")
        for row in session.execute(query)
    ]


def _any(ids: Sequence[EventId]) -> ColumnElement[Any]:
    return cast(ColumnElement[Any], any_(literal(list(ids), ARRAY(BigInteger))))
