"""The deliveries of alerts: claimed before they are sent, concluded after; a claim that is not concluded expires."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from shared.alerts.message import AlertFacts
from shared.alerts.rules import DeliveryState
from shared.database.tables.accounts import Account
from shared.database.tables.alerts import Alert, DeliveryRow
from shared.database.tables.events import EventRow, Strategy
from shared.domain import AlertKind

CLAIM = timedelta(seconds=120)  # longer than a send may take, so that only a dead worker's is sent again
MOST_ATTEMPTS = 30  # with the waits below: for about a day
FIRST_WAIT = timedelta(seconds=15)
LONGEST_WAIT = timedelta(hours=1)
_LARGEST_POWER = 12


@dataclass(frozen=True, slots=True)
class AlertDelivery:
    """A message that this worker, and no other, is to send now. `attempt` is the claim's number."""

    id: int
    attempt: int
    facts: AlertFacts
    last_of_day: bool


def wait_after(attempt: int) -> timedelta:
    """How long to wait after the `attempt`-th failure (from 1): 15 s, 30 s, 1 min ... at most an hour."""
    return min(LONGEST_WAIT, FIRST_WAIT * (1 << min(attempt - 1, _LARGEST_POWER)))


def due_channels(session: Session, now: datetime) -> list[str]:
    """The channels for which there is something to send."""
    due = select(DeliveryRow.channel).where(DeliveryRow.state == DeliveryState.PENDING)
    return list(session.scalars(due.where(DeliveryRow.next_attempt_at <= now).distinct()))


def claim_next(session: Session, channel: str, now: datetime) -> AlertDelivery | None:
    """The oldest message that is due on the channel. Commit before sending: whoever dies then has sent at most once.

    If it is not noted within `CLAIM`, it is due again. So a message comes at least once, and twice where a worker dies
    between the channel's yes and our note.
    """
    _give_up(session, channel, now)
    due = (
        select(DeliveryRow.id)
        .where(DeliveryRow.channel == channel, DeliveryRow.state == DeliveryState.PENDING)
        .where(DeliveryRow.next_attempt_at <= now)
        .order_by(DeliveryRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.id == due.scalar_subquery())
        .values(attempts=DeliveryRow.attempts + 1, next_attempt_at=now + CLAIM)
        .returning(DeliveryRow.id, DeliveryRow.alert_id, DeliveryRow.attempts, DeliveryRow.last_of_day)
    ).one_or_none()
    return None if row is None else AlertDelivery(row.id, row.attempts, _told(session, row.alert_id), row.last_of_day)


def sent(session: Session, delivery: AlertDelivery, now: datetime) -> None:
    """The channel has taken it."""
    _note(session, delivery, state=DeliveryState.SENT, reason=None, finished_at=now, next_attempt_at=None)


def sending_failed(session: Session, delivery: AlertDelivery, now: datetime, reason: str) -> DeliveryState:
    """The channel has not taken it: due again later, or given up."""
    if delivery.attempt >= MOST_ATTEMPTS:
        _note(session, delivery, state=DeliveryState.FAILED, reason=reason, finished_at=now, next_attempt_at=None)
        return DeliveryState.FAILED
    _note(session, delivery, reason=reason, next_attempt_at=now + wait_after(delivery.attempt))
    return DeliveryState.PENDING


def _note(session: Session, delivery: AlertDelivery, **values: object) -> None:
    """Changes nothing where the claim ran out and another worker has taken the delivery up."""
    mine = (DeliveryRow.id == delivery.id, DeliveryRow.attempts == delivery.attempt)
    session.execute(update(DeliveryRow).where(*mine, DeliveryRow.state == DeliveryState.PENDING).values(**values))


def _give_up(session: Session, channel: str, now: datetime) -> None:
    """A message over which workers died at every attempt is not sent for ever."""
    worn = (DeliveryRow.state == DeliveryState.PENDING, DeliveryRow.attempts >= MOST_ATTEMPTS)
    session.execute(
        update(DeliveryRow)
        .where(DeliveryRow.channel == channel, *worn, DeliveryRow.next_attempt_at <= now)
        .values(
            state=DeliveryState.FAILED,
            reason=func.coalesce(DeliveryRow.reason, "Nobody could note what became of it."),
            finished_at=now,
            next_attempt_at=None,
        )
    )


def _told(session: Session, alert: int) -> AlertFacts:
    row = session.execute(
        select(Alert.kind, Alert.detail, Alert.at, Account.name, Strategy.name.label("strategy"), Alert.event_id)
        .outerjoin(Account, Account.id == Alert.account_id)
        .outerjoin(EventRow, EventRow.id == Alert.event_id)
        .outerjoin(Strategy, Strategy.id == EventRow.strategy)
        .where(Alert.id == alert)
    ).one()
    return AlertFacts(AlertKind(row.kind), row.detail, row.at, row.name, row.strategy, row.event_id)
