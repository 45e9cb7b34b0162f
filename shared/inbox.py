"""The inbox: stores an event before anyone is answered, and is the only writer of event states."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from shared import accounts, exposure, integrations
from shared.domain import (
    FINISHED,
    AccountId,
    Envelope,
    Event,
    EventId,
    EventState,
    EventType,
    IntegrationId,
    LifecycleEvent,
    Refusal,
    RefusedBy,
    SignalEvent,
    StrategyKey,
    error_named,
)
from shared.exposure import Exposed
from shared.keys import content_hash, event_key, follow_up_key
from shared.orphans import ENDS_INTEGRATION, ORPHANING, OUR_VERSION, Policy, orphan_event
from shared.tables import Account, EventRow, Strategy


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a delivery: a new row, or the row of an earlier delivery of the same event.

    `conflict`: the key is known with other content; it must neither be executed nor be dropped in silence.
    `follow_ups`: events of our own that were stored with it; they want to be rung too.
    """

    event: EventId
    fresh: bool
    conflict: bool = False
    follow_ups: tuple[EventId, ...] = ()


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
    integration: IntegrationId | None = None,
) -> Stored:
    """Puts the event into the inbox, in its strategy's sequence; or finds it there.

    The sequence number is taken under the strategy's row lock, which is held until the caller commits: so commit order
    is sequence order (an identity column would show 6 before 5). A duplicate leaves a gap in it, which means nothing.
    `answered`: nobody will wait for the outcome. `received_at`: for a simulation; None is the database's clock.
    `integration`: whose token it came with, if the token belongs to one.
    """
    event = envelope.event
    strategy, seq = _take_sequence(session, account, event)
    inserted = session.execute(
        insert(EventRow)
        .values(
            **_columns(account, strategy, seq, envelope),
            body_hash=body_hash,
            integration_id=integration,
            accepted_at=func.now() if answered else None,
            received_at=func.now() if received_at is None else received_at,
        )
        .on_conflict_do_nothing(index_elements=["account_id", "key"])
        .returning(EventRow.id)
    ).scalar()
    if inserted is None:
        return _known(session, account, event)
    if not isinstance(event, LifecycleEvent):
        return Stored(EventId(inserted), fresh=True)
    _apply_lifecycle(session, account, strategy, integration, event)
    return Stored(EventId(inserted), fresh=True, follow_ups=_follow_up(session, EventId(inserted), event))


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


def _apply_lifecycle(
    session: Session,
    account: AccountId,
    strategy: StrategyKey,
    integration: IntegrationId | None,
    event: LifecycleEvent,
) -> None:
    """Lets the event say what signals are checked against from now on, unless a later one has already said so."""
    if event.type in accounts.INTEGRATION_AFTER and integration is not None:
        integrations.apply_lifecycle(session, integration, event.type, event.timestamp_ms)
        return
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


def _follow_up(session: Session, stored: EventId, event: LifecycleEvent) -> tuple[EventId, ...]:
    """What the end of an integration or of a strategy means for positions: an event of our own for each strategy.

    It stands in the sequence of its strategy, at the time of the lifecycle event. So the worker executes it in its
    turn, exactly once, and it closes or tells of what was opened before, and of nothing that was opened after. That a
    later lifecycle event came first changes nothing: in their order, this one would have been executed too.
    """
    if event.type not in ORPHANING:
        return ()
    row = session.get_one(EventRow, stored)
    if event.type in ENDS_INTEGRATION:
        integration = IntegrationId(row.integration_id) if row.integration_id is not None else None
        concerned = exposure.of_integration(session, AccountId(row.account_id), integration)
    else:
        concerned = exposure.of_strategy(session, StrategyKey(row.strategy))
    if not concerned:
        return ()
    account = session.get_one(Account, row.account_id)
    type_ = orphan_event(event.type, Policy(account.on_deleted), Policy(account.on_disabled))
    return tuple(_insert_follow_up(session, row, exposed, type_) for exposed in concerned)


def _insert_follow_up(session: Session, cause: EventRow, exposed: Exposed, type_: str) -> EventId:
    seq = session.execute(
        update(Strategy)
        .where(Strategy.id == exposed.strategy)
        .values(next_seq=Strategy.next_seq + 1)
        .returning(Strategy.next_seq)
    ).scalar_one()
    values = {
        "account_id": cause.account_id,
        "strategy": exposed.strategy,
        "integration_id": cause.integration_id,
        "seq": seq,
        "key": follow_up_key(cause.key, exposed.strategy_id),
        "content_hash": cause.content_hash,
        "body_hash": cause.body_hash,
        "version": OUR_VERSION,
        "type": type_,
        "timestamp_ms": cause.timestamp_ms,
        "received_at": cause.received_at,
        "accepted_at": cause.received_at,
    }
    return EventId(session.execute(insert(EventRow).values(values).returning(EventRow.id)).scalar_one())


def _known(session: Session, account: AccountId, event: Event) -> Stored:
    stored = find(session, account, event)
    if stored is None:
        raise RuntimeError("The inbox refused a key as taken, and then did not have it.")
    return stored
