"""Makes the deliveries of new alerts: by the rules, each channel's window of silence, and its daily cap."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.orm import Session

from shared.alerts.rules import Channel, DeliveryState, Rules, suppressed_by, topic
from shared.database.tables.accounts import Account
from shared.database.tables.alerts import Alert, DeliveryRow
from shared.database.tables.events import EventRow
from shared.domain import AccountId, AlertKind, StrategyKey

AT_ONCE = 200  # alerts a transaction; the next sweep goes on
ROUTING_LOCK = 7_026_061_118  # any number of ours: two workers that route at once would each count to the cap
COUNTED = (DeliveryState.PENDING, DeliveryState.SENT)


@dataclass(frozen=True, slots=True)
class _New:
    id: int
    kind: AlertKind
    account: str | None
    topic: str


def route(session: Session, rules: Rules, now: datetime) -> int:
    """Makes a delivery for each channel that the rules name for a new alert; returns how many alerts were new.

    The sweep calls it, and never the transaction that raises an alert: no trade waits for it.
    """
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": ROUTING_LOCK})
    alerts = _new_alerts(session)
    for alert in alerts:
        for channel in rules.channels_for(alert.kind, alert.account):
            _insert(session, alert, channel, rules, now)
    if alerts:
        session.execute(update(Alert).where(Alert.id.in_([alert.id for alert in alerts])).values(routed_at=now))
    return len(alerts)


def _new_alerts(session: Session) -> list[_New]:
    rows = session.execute(
        select(Alert.id, Alert.kind, Alert.account_id, Alert.detail, Account.name, EventRow.strategy)
        .outerjoin(Account, Account.id == Alert.account_id)
        .outerjoin(EventRow, EventRow.id == Alert.event_id)
        .where(Alert.routed_at.is_(None), Alert.kind.in_(list(AlertKind)))  # one of a newer build waits for its worker
        .order_by(Alert.id)
        .limit(AT_ONCE)
    )
    return [_new(*row) for row in rows]


def _new(number: int, kind: str, account: int | None, detail: str, name: str | None, strategy: int | None) -> _New:
    about = AccountId(account) if account is not None else None
    key = StrategyKey(strategy) if strategy is not None else None
    return _New(number, AlertKind(kind), name, topic(AlertKind(kind), about, key, detail))


def _insert(session: Session, alert: _New, channel: Channel, rules: Rules, now: datetime) -> None:
    sent_today = _count_of_today(session, channel, now)
    held_back = suppressed_by(_told_lately(session, alert, channel, now - rules.dedupe), sent_today, channel.daily_cap)
    values: dict[str, object] = {"state": DeliveryState.PENDING, "next_attempt_at": now}
    if held_back is not None:
        values = {"state": DeliveryState.SUPPRESSED, "reason": held_back, "finished_at": now}
    elif sent_today == channel.daily_cap - 1:
        values["last_of_day"] = True
    session.execute(
        insert(DeliveryRow).values(alert_id=alert.id, channel=channel.name, topic=alert.topic, created_at=now, **values)
    )


def _told_lately(session: Session, alert: _New, channel: Channel, since: datetime) -> bool:
    """Whether the same is being delivered, or was sent. One that was given up does not count."""
    told = select(DeliveryRow.id).where(
        DeliveryRow.channel == channel.name,
        DeliveryRow.topic == alert.topic,
        DeliveryRow.created_at > since,
        DeliveryRow.state.in_(COUNTED),
    )
    return session.execute(told.limit(1)).one_or_none() is not None


def _count_of_today(session: Session, channel: Channel, now: datetime) -> int:
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return session.execute(
        select(func.count())
        .select_from(DeliveryRow)
        .where(DeliveryRow.channel == channel.name, DeliveryRow.created_at >= midnight)
        .where(DeliveryRow.state != DeliveryState.SUPPRESSED)
    ).scalar_one()
