"""GET /metrics: figures of the whole bridge for Prometheus, from the database, so that every process tells the same.

The page is there where `BRIDGE_METRICS` is on, and needs no token: let your proxy keep it from the world. No request
counts anything for it: the figures are asked for when they are fetched, and kept for five seconds.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from receiver.metric_descriptions import (
    ALERTS_OPEN,
    DATABASE_UP,
    DELIVERIES,
    DEPRECATION_DAYS_LEFT,
    EVENTS,
    NEWEST,
    OLDEST_UNFINISHED,
    WORKERS_ALIVE,
    Description,
)
from shared.alerts.rules import DeliveryState
from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.database.tables.alerts import DeliveryRow
from shared.database.tables.events import EventRow, ProtocolVersion
from shared.database.tables.orders import Reconciliation
from shared.database.tables.workers import Worker
from shared.domain import FINISHED, EventState
from shared.inbox.delays import dead_after
from shared.inbox.unfinished import parked, runnable, unfinished
from shared.ledger.drift import Agreement

log = structlog.get_logger()

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
CACHE_SECONDS = 5.0  # who asks more often, or from several places, costs the database nothing


class Metrics:
    """The page, made anew at most every few seconds. Thread-safe."""

    def __init__(
        self,
        sessions: Sessions,
        sweep_interval: float,
        warning_days: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Figures(sessions, sweep_interval, warning_days))
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._page: tuple[float, bytes] | None = None

    def page(self) -> bytes:
        """The figures in Prometheus' text format. A database that is away is a figure too."""
        with self._lock:
            if self._page is None or self._monotonic() - self._page[0] > CACHE_SECONDS:
                self._page = (self._monotonic(), generate_latest(self._registry))
            return self._page[1]


class _Figures(Collector):
    """Asks the database, in one transaction."""

    def __init__(self, sessions: Sessions, sweep_interval: float, warning_days: int) -> None:
        self._sessions = sessions
        self._beat = dead_after(sweep_interval)
        self._warning = timedelta(days=warning_days)

    def describe(self) -> Iterable[Metric]:
        return ()  # else registering would ask the database

    def collect(self) -> Iterator[Metric]:
        up, figures = 1, list[Metric]()
        try:
            with self._sessions() as session:
                now = database_clock(session)
                figures = [
                    _events(session),
                    _oldest(session, now),
                    _workers(session, now - self._beat),
                    _deprecations(session, now),
                    _alerts_open(session, now + self._warning),
                    _deliveries(session),
                ]
        except SQLAlchemyError as error:
            log.error("Figures could not be read.", action="metrics_failed", error=type(error).__name__)
            up = 0
        yield _gauge(DATABASE_UP, up)
        yield from figures


def _events(session: Session) -> Metric:
    """Finished ones among the newest only: to count all that ever were would read the whole table."""
    family = EVENTS.family()
    newest = select(EventRow.state).order_by(EventRow.id.desc()).limit(NEWEST).subquery()
    counted = dict.fromkeys(EventState, 0)
    for column, wanted in ((EventRow.state, unfinished(EventRow)), (newest.c.state, newest.c.state.in_(FINISHED))):
        by_state = select(column, func.count()).where(wanted).group_by(column)
        counted |= {EventState(state): count for state, count in session.execute(by_state)}
    for state, count in counted.items():
        family.add_metric([state], count)
    return family


def _oldest(session: Session, now: datetime) -> Metric:
    oldest = session.scalar(select(func.min(EventRow.received_at)).where(runnable(EventRow)))
    age = (now - oldest).total_seconds() if oldest is not None else 0.0
    return _gauge(OLDEST_UNFINISHED, age)


def _workers(session: Session, since: datetime) -> Metric:
    alive = session.scalar(select(func.count()).select_from(Worker).where(Worker.seen_at >= since))
    return _gauge(WORKERS_ALIVE, alive or 0)


def _deprecations(session: Session, now: datetime) -> Metric:
    family = DEPRECATION_DAYS_LEFT.family()
    ending = select(ProtocolVersion.version, ProtocolVersion.deprecation)
    for version, end in session.execute(ending):
        if end is not None:
            family.add_metric([version], (end - now) / timedelta(days=1))
    return family


def _alerts_open(session: Session, warned_before: datetime) -> Metric:
    """Those whose cause can be seen to stand still."""
    near = (ProtocolVersion.supported, ProtocolVersion.deprecation <= warned_before)
    open_ = {
        "parked": select(func.count()).select_from(EventRow).where(parked(EventRow)),
        "drift": select(func.count()).select_from(Reconciliation).where(Reconciliation.result == Agreement.DRIFT),
        "deprecation": select(func.count()).select_from(ProtocolVersion).where(*near),
    }
    family = ALERTS_OPEN.family()
    for kind, counted in open_.items():
        family.add_metric([kind], session.scalar(counted) or 0)
    return family


def _deliveries(session: Session) -> Metric:
    """Failed ones as far as they are known: operators watch it grow."""
    family = DELIVERIES.family()
    for state in (DeliveryState.PENDING, DeliveryState.FAILED):
        counted = select(func.count()).select_from(DeliveryRow).where(DeliveryRow.state == state)
        family.add_metric([state], session.scalar(counted) or 0)
    return family


def _gauge(description: Description, value: float) -> Metric:
    family = description.family()
    family.add_metric([], value)
    return family
