"""The inbox: stores an event before anyone is answered, and is the only writer of event states."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import accounts
from shared.domain import (
    FINISHED,
    AccountId,
    Envelope,
    Event,
    EventId,
    EventState,
    EventType,
    LifecycleEvent,
    Refusal,
    RefusedBy,
    SignalEvent,
    StrategyKey,
    error_named,
)
from shared.keys import content_hash, event_key
from shared.tables import EventRow, Strategy


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a delivery: a new row, or the row of an earlier delivery of the same event.

    `conflict`: the key is known with other content; it must neither be executed nor be dropped in silence.
    """

    event: EventId
    fresh: bool
    conflict: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an event ended: what the answer is made from, the first time and every time."""

    state: EventState
    refusal: Refusal | None


def store(
    session: Session,
    account: AccountId,
    envelope: Envelope,
    body_hash: str,
    *,
    answered: bool,
    received_at: datetime | None = None,
) -> Stored:
    """Puts the event into the inbox, in its strategy's sequence; or finds it there.

    The sequence number is taken under the strategy's row lock, which is held until the caller commits: so commit order
    is sequence order (an identity column would show 6 before 5). A duplicate leaves a gap in it, which means nothing.
    `answered`: nobody will wait for the outcome. `received_at`: for a simulation; None is the database's clock.
    """
    event = envelope.event
    strategy, seq = _take_sequence(session, account, event)
    inserted = session.execute(
        insert(EventRow)
        .values(
            **_columns(account, strategy, seq, envelope),
            body_hash=body_hash,
            accepted_at=func.now() if answered else None,
            received_at=func.now() if received_at is None else received_at,
        )
        .on_conflict_do_nothing(index_elements=["account_id", "key"])
        .returning(EventRow.id)
    ).scalar()
    if inserted is None:
        return _known(session, account, event)
    if isinstance(event, LifecycleEvent):
        _apply_lifecycle(session, account, strategy, event)
    return Stored(EventId(inserted), fresh=True)


def find(session: Session, account: AccountId, event: Event) -> Stored | None:
    """The row of an earlier delivery of this event, if there is one."""
    row = session.execute(
        select(EventRow.id, EventRow.content_hash).where(
            EventRow.account_id == account, EventRow.key == event_key(event)
        )
    ).one_or_none()
    return None if row is None else Stored(EventId(row.id), False, row.content_hash != content_hash(event))


def outcome(session: Session, event: EventId) -> Outcome | None:
    """How the event ended, or None while it has not."""
    row = session.execute(
        select(EventRow.state, EventRow.error_type, EventRow.refused_by, EventRow.reason).where(EventRow.id == event)
    ).one()
    state = EventState(row.state)
    if state not in FINISHED:
        return None
    if state is not EventState.REFUSED:
        return Outcome(state, None)
    return Outcome(
        state,
        Refusal(error_named(row.error_type), row.reason, RefusedBy(row.refused_by)),
    )


def accept(session: Session, event: EventId) -> Outcome | None:
    """Notes that ProQuant is being answered 200 before the outcome is known; or returns the outcome that is known.

    The row lock decides: either the answer is the outcome, or the worker that finishes the event sees this note and
    raises an alert for a failure that ProQuant can no longer be told.
    """
    session.execute(
        update(EventRow)
        .where(
            EventRow.id == event,
            EventRow.state.not_in(FINISHED),
            EventRow.accepted_at.is_(None),
        )
        .values(accepted_at=func.now())
    )
    return outcome(session, event)


def _columns(account: AccountId, strategy: StrategyKey, seq: int, envelope: Envelope) -> dict[str, object]:
    event = envelope.event
    values: dict[str, object] = {
        "account_id": account,
        "strategy": strategy,
        "seq": seq,
        "key": event_key(event),
        "content_hash": content_hash(event),
        "version": envelope.version,
        "type": event.type,
        "timestamp_ms": event.timestamp_ms,
    }
    if isinstance(event, SignalEvent):
        values |= {
            "proquant_position_id": event.proquant_position_id,
            "direction": event.direction,
            "ticker": event.ticker,
            "quantity": event.quantity,
        }
    return values


def _take_sequence(session: Session, account: AccountId, event: Event) -> tuple[StrategyKey, int]:
    row = session.execute(
        insert(Strategy)
        .values(account_id=account, strategy_id=event.strategy_id, name=event.strategy_name)
        .on_conflict_do_update(
            index_elements=["account_id", "strategy_id"],
            set_={"next_seq": Strategy.next_seq + 1, "name": event.strategy_name},
        )
        .returning(Strategy.id, Strategy.next_seq)
    ).one()
    return StrategyKey(row.id), row.next_seq


def _apply_lifecycle(session: Session, account: AccountId, strategy: StrategyKey, event: LifecycleEvent) -> None:
    """Lets the event say what signals are checked against from now on, unless a later one has already said so."""
    if event.type in accounts.INTEGRATION_AFTER:
        accounts.apply_lifecycle(session, account, event.type, event.timestamp_ms)
        return
    earlier = or_(Strategy.enabled_at_ms.is_(None), Strategy.enabled_at_ms <= event.timestamp_ms)
    session.execute(
        update(Strategy)
        .where(Strategy.id == strategy, earlier)
        .values(
            enabled=event.type == EventType.STRATEGY_ENABLED,
            enabled_at_ms=event.timestamp_ms,
        )
    )


def _known(session: Session, account: AccountId, event: Event) -> Stored:
    stored = find(session, account, event)
    if stored is None:
        raise RuntimeError("The inbox refused a key as taken, and then did not have it.")
    return stored
