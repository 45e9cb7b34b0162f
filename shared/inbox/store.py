"""The inbox: stores an event before anyone is answered. From then on `states.py` moves it through its states."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from shared.accounts import accounts, integrations
from shared.accounts.orphan_policy import ENDS_INTEGRATION, ORPHANING, OUR_VERSION, Policy, orphan_event
from shared.database.engine import table_of
from shared.database.tables.accounts import Account, IntegrationRow
from shared.database.tables.events import EventRow, Strategy
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
from shared.inbox import affected_strategies
from shared.inbox.affected_strategies import AffectedStrategy
from shared.inbox.unfinished import unfinished
from shared.keys import content_hash, event_key, follow_up_key
from shared.signal_rules import CLOCK_SKEW

_STRATEGY, _EVENT = table_of(Strategy), table_of(EventRow)
_NAMED = insert(_STRATEGY).values(
    account_id=bindparam("account_id"), strategy_id=bindparam("strategy_id"), name=bindparam("name")
)
_TAKE_SEQUENCE = _NAMED.on_conflict_do_update(
    index_elements=["account_id", "strategy_id"],
    set_={"next_seq": _STRATEGY.c.next_seq + 1, "name": _NAMED.excluded.name},
).returning(_STRATEGY.c.id, _STRATEGY.c.next_seq)


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a delivery: a new row, or the row of an earlier delivery of the same event.

    `conflict`: the key is known with other content; it must neither be executed nor be dropped in silence.
    `follow_ups`: events of our own that were stored with it; they want to be rung too.
    `rung`: whoever stored it has rung for it already. `accepted`: its new row says that this delivery is answered 200.
    """

    event: EventId
    fresh: bool
    conflict: bool = False
    follow_ups: tuple[EventId, ...] = ()
    rung: bool = False
    accepted: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an event ended: what the answer is made from, the first time and every time."""

    state: EventState
    refusal: Refusal | None


def add(
    session: Session,
    account: AccountId,
    envelope: Envelope,
    body_hash: str,
    *,
    answered: bool,
    integration: IntegrationId | None = None,
    now: datetime | None = None,
) -> Stored:
    """Puts the event into the inbox, in its strategy's sequence; or finds it there.

    The sequence number is taken under the strategy's row lock, which is held until the caller commits: so commit order
    is sequence order (an identity column would show 6 before 5). A duplicate leaves a gap in it, which means nothing.
    `answered`: nobody will wait for the outcome.
    `integration`: whose token it came with, if the token belongs to one. `now`: of the receiver.
    """
    event = envelope.event
    strategy, seq = _take_sequence(session, account, event)
    values = _columns(account, strategy, seq, envelope, integration) | {"body_hash": body_hash}
    if isinstance(event, LifecycleEvent) and now is not None:
        event = _said_by_now(event, now)
        values["timestamp_ms"] = event.timestamp_ms
    inserted = session.execute(_insert_event(answered), values).scalar()
    if inserted is None:
        return _known(session, account, event, integration)
    stored = Stored(EventId(inserted), fresh=True, accepted=answered)
    if not isinstance(event, LifecycleEvent):
        return stored
    if event.type in ENDS_INTEGRATION:
        affected_strategies.lock_account(session, account)
    _apply_lifecycle(session, account, strategy, integration, event)
    return replace(stored, follow_ups=_follow_up(session, stored.event, event))


def find(session: Session, account: AccountId, event: Event, integration: IntegrationId | None = None) -> Stored | None:
    """The row of an earlier delivery of this event, if there is one. `integration`: as of `add`."""
    row = session.execute(
        select(EventRow.id, EventRow.content_hash).where(
            EventRow.account_id == account, EventRow.key == event_key(event, integration)
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
            unfinished(EventRow),
            EventRow.accepted_at.is_(None),
        )
        .values(accepted_at=func.now())
    )
    return outcome(session, event)


@cache
def _insert_event(answered: bool) -> ReturningInsert[int]:
    """Built once for each of its forms: it is the receiver's path."""
    given = ("account_id", "strategy", "seq", "key", "content_hash", "version", "type", "timestamp_ms", "body_hash")
    signal = ("proquant_position_id", "direction", "ticker", "quantity", "integration_id")
    names = (*given, *signal)
    values: dict[str, object] = {name: bindparam(name, type_=_EVENT.c[name].type) for name in names}
    return (
        insert(_EVENT)
        .values(values | ({"accepted_at": func.now()} if answered else {}))
        .on_conflict_do_nothing(index_elements=["account_id", "key"])
        .returning(_EVENT.c.id)
    )


def _columns(
    account: AccountId, strategy: StrategyKey, seq: int, envelope: Envelope, integration: IntegrationId | None
) -> dict[str, object]:
    event = envelope.event
    signal = event if isinstance(event, SignalEvent) else None
    return {
        "account_id": account,
        "strategy": strategy,
        "seq": seq,
        "integration_id": integration,
        "key": event_key(event, integration),
        "content_hash": content_hash(event),
        "version": envelope.version,
        "type": event.type,
        "timestamp_ms": event.timestamp_ms,
        "proquant_position_id": signal.proquant_position_id if signal else None,
        "direction": signal.direction if signal else None,
        "ticker": signal.ticker if signal else None,
        "quantity": signal.quantity if signal else None,
    }


def _said_by_now(event: LifecycleEvent, now: datetime) -> LifecycleEvent:
    """A time that clocks cannot explain is now: an approval of the future outweighed ten years of deletions."""
    plausible = event.timestamp_ms <= (now + CLOCK_SKEW).timestamp() * 1000
    return event if plausible else replace(event, timestamp_ms=int(now.timestamp() * 1000))


def _take_sequence(session: Session, account: AccountId, event: Event) -> tuple[StrategyKey, int]:
    named = {"account_id": account, "strategy_id": event.strategy_id, "name": event.strategy_name}
    row = session.execute(_TAKE_SEQUENCE, named).one()
    return StrategyKey(row.id), row.next_seq


def _apply_lifecycle(
    session: Session,
    account: AccountId,
    strategy: StrategyKey,
    integration: IntegrationId | None,
    event: LifecycleEvent,
) -> None:
    """Applies the event to what signals are checked against from now on, unless a later one was applied."""
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

    Where the integration is over, what a signal of later than its end has opened, since it came first, is concerned
    too: in their order it would have been refused, and nobody will close it. Then our event stands right after it.
    """
    if event.type not in ORPHANING:
        return ()
    row = session.get_one(EventRow, stored)
    if event.type in ENDS_INTEGRATION:
        integration = IntegrationId(row.integration_id) if row.integration_id is not None else None
        if event.type is EventType.INTEGRATION_REJECTED and _is_approved(session, integration):
            return ()  # another copy of the same request was rejected, which ends nothing (`integration_states.py`)
        concerned = affected_strategies.of_integration(session, AccountId(row.account_id), integration)
    else:
        concerned = affected_strategies.of_strategy(session, StrategyKey(row.strategy))
    if not concerned:
        return ()
    account = session.get_one(Account, row.account_id)
    type_ = orphan_event(event.type, Policy(account.on_deleted), Policy(account.on_disabled))
    over = event.type in ENDS_INTEGRATION and _is_over(session, account, row.integration_id)
    return tuple(_insert_follow_up(session, row, exposed, type_, over) for exposed in concerned)


def _is_over(session: Session, account: Account, integration: int | None) -> bool:
    row = None if integration is None else session.get_one(IntegrationRow, integration)
    return accounts.state_of(account, row).ended_at_ms is not None


def _is_approved(session: Session, integration: IntegrationId | None) -> bool:
    if integration is None:
        return False
    return session.get_one(IntegrationRow, integration).approved_at_ms is not None


def _insert_follow_up(session: Session, cause: EventRow, exposed: AffectedStrategy, type_: str, over: bool) -> EventId:
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
        "timestamp_ms": max(cause.timestamp_ms, exposed.opened_ms) if over else cause.timestamp_ms,
        "received_at": cause.received_at,
        "accepted_at": cause.received_at,
    }
    return EventId(session.execute(insert(EventRow).values(values).returning(EventRow.id)).scalar_one())


def _known(session: Session, account: AccountId, event: Event, integration: IntegrationId | None) -> Stored:
    stored = find(session, account, event, integration)
    if stored is None:
        raise RuntimeError("The inbox refused a key as taken, and then did not have it.")
    return stored
