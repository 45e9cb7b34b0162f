"""Builds the Celery application of a worker: the composition root of the worker process."""

import os
import socket
import threading
from functools import partial

import structlog
from celery import Celery, signals

from shared import logs
from shared.accounts import instrument_file
from shared.alerts import file as notifications
from shared.config import Config
from shared.database.clock import SteadyClock
from shared.database.dedicated_connections import DedicatedSessions
from shared.database.engine import Sessions, make_engine, make_sessions
from shared.domain import AccountId
from shared.queue.celery_app import make_app
from shared.queue.doorbell import (
    CANARY_TASK,
    RECONCILE_TASK,
    REFRESH_TASK,
    Doorbell,
    announce,
    is_reachable,
    make_celery,
    make_redis,
    queue_length,
)
from workers.brokers.account_brokers import AccountBrokers
from workers.brokers.request_counter import RequestCounter
from workers.execution.context import WorkerContext
from workers.execution.lease import owner_of_thread
from workers.execution.run import execute_event
from workers.runtime import transaction_slots
from workers.runtime.flower_events import EventBatcher
from workers.runtime.process_priority import lower_priority
from workers.runtime.transaction_slots import TransactionSlots
from workers.sweep import deprecation_warnings, overdue_closes, queue_fallback, reconciliation, untold_refusals
from workers.sweep.alert_delivery import Notifier
from workers.sweep.instrument_refresh import InstrumentRefresh
from workers.sweep.queue_activity import QueueActivity
from workers.sweep.queue_fallback import QueueFallback, QueueProbe
from workers.sweep.retention import Retention
from workers.sweep.sweeper import Sweeper
from workers.tasks import register

log = structlog.get_logger()

SWEEPER_STOP_SECONDS = 5.0
RECONCILE_WITHIN = 120.0  # seconds; a look that comes later than that is asked for again anyway
SPARE_CONNECTIONS = 3 + queue_fallback.THREADS  # the sweep, a task beside trades, telling people; trading without queue

WORKING = {
    "worker_pool": "workers.runtime.thread_pool:PromptPool",  # threads: Python runs one, the others wait for brokers
    # Early acknowledgement: the row and the sweep redeliver, so Redis never has to, and no message comes twice.
    "task_acks_late": False,
    "worker_prefetch_multiplier": 1,
    "worker_send_task_events": True,  # for Flower
    "worker_hijack_root_logger": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,  # a kill in a submit makes an unknown outcome
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,  # the default gives up after a hundred tries, and the worker stays deaf
    "broker_channel_error_retry": True,
}
WORKING_TRANSPORT = {
    # Redis is not told what a worker has in hand. It would give that back after hours, where the sweep rings again
    # in seconds, and the telling was two transactions an event: a third of the main thread's work.
    "ack_emulation": False,
    "priority_steps": [0],  # there is one queue, and not one for each of ten priorities
    "socket_timeout": 10,  # without it a half-open connection is waited on for ever
    "socket_connect_timeout": 2,
    "health_check_interval": 10,
}


def make_worker(config: Config) -> Celery:
    """The application that `celery worker` and Flower load. Connects to nothing before it is used."""
    threads = config.worker_threads
    app = make_app(config.redis_url, WORKING, WORKING_TRANSPORT)
    app.steps["consumer"].add(EventBatcher)
    sessions = make_sessions(make_engine(config.database_url, pool_size=threads + SPARE_CONNECTIONS))
    of_turns = make_sessions(
        make_engine(config.database_url, pool_size=2 * transaction_slots.MOST, plan_once=True, by_keys=True)
    )
    redis = make_redis(config.redis_url)
    doorbell = Doorbell(make_celery(config.redis_url))
    adapters = AccountBrokers(sessions, config.secret_key, RequestCounter(make_redis(config.redis_url)))
    stopping = threading.Event()
    clock = SteadyClock()
    worker = f"{socket.gethostname()}:{os.getpid()}"
    hearing = QueueActivity(threads)
    standby = QueueFallback(doorbell.ring, lambda event: execute_event(context, event))
    notifier = Notifier(sessions, notifications.load(config.notifications_file, os.environ))
    sweeper = _make_sweeper(config, sessions, doorbell, standby, notifier, hearing, clock, worker)
    context = WorkerContext(
        sessions=DedicatedSessions(of_turns),
        owner=partial(owner_of_thread, worker),
        broker=adapters.of,
        announce=partial(announce, redis),
        wake=sweeper.wake,
        stopping=stopping.is_set,
        lease=config.lease,
        open_max_age=config.open_max_age,
        reorder_grace=config.reorder_grace,
        clock=clock,
        slot=TransactionSlots().slot,
    )
    register(app, sessions, context, adapters, hearing, worker, instrument_file.load(config.instruments_file))
    _tie_to_life(stopping, sweeper, standby, notifier, adapters)
    return app


def _make_sweeper(
    config: Config,
    sessions: Sessions,
    doorbell: Doorbell,
    standby: QueueFallback,
    notifier: Notifier,
    hearing: QueueActivity,
    clock: SteadyClock,
    worker: str,
) -> Sweeper:
    """The sweep with its duties: probe the queue, enqueue reconciliations, deliver alerts and warnings, delete old
    events.
    """

    def send_refresh(account: AccountId, life: float) -> bool:
        return doorbell.send(REFRESH_TASK, account, expires=life)

    def send_canary(life: float) -> bool:
        return doorbell.send(CANARY_TASK, expires=life)

    def reconcile_due() -> None:
        reconciliation.ask_due(
            sessions, lambda account: doorbell.send(RECONCILE_TASK, account, expires=RECONCILE_WITHIN)
        )

    def warn_of_deprecations() -> None:
        deprecation_warnings.warn_due(sessions, config.deprecation_warning_days)

    def warn_of_overdue_closes() -> None:
        overdue_closes.warn_due(sessions)

    def tell_untold_refusals() -> None:
        untold_refusals.alert_due(sessions)

    redis = make_redis(config.redis_url)
    retention = Retention(sessions, config.retention_days)
    listener = QueueProbe(sessions, lambda: is_reachable(redis), send_canary, standby, config.sweep_interval)
    return Sweeper(
        sessions,
        standby.attend,
        InstrumentRefresh(send_refresh).ask,
        worker,
        config.sweep_interval,
        clock,
        clock.estimate,
        heard=hearing.seconds_ago,
        queued=lambda: queue_length(redis),
        duties=(
            listener.listen,
            reconcile_due,
            warn_of_deprecations,
            warn_of_overdue_closes,
            tell_untold_refusals,
            notifier.notify,
            retention.forget,
        ),
    )


def _tie_to_life(
    stopping: threading.Event, sweeper: Sweeper, standby: QueueFallback, notifier: Notifier, adapters: AccountBrokers
) -> None:
    """Sweeps while the worker lives; on SIGTERM begins no new order, and lets the one under way end.

    The sweep does not wait for Celery to be ready: that would be for ever where Redis is away.
    """
    thread = threading.Thread(target=sweeper.run, name="sweeper", daemon=True)

    def configure_logs(**_: object) -> None:
        logs.configure()

    def start(**_: object) -> None:
        logs.configure()  # Celery asks for it only after this
        lower_priority()
        thread.start()

    def tell(**_: object) -> None:
        log.info("Worker is ready.", action="worker_ready")

    def begin_stop(**_: object) -> None:
        stopping.set()

    def stop(**_: object) -> None:
        sweeper.stop()
        thread.join(SWEEPER_STOP_SECONDS)
        standby.close()
        notifier.close()
        adapters.close()
        log.info("Worker has stopped.", action="worker_stopped")

    signals.setup_logging.connect(configure_logs, weak=False)
    signals.worker_init.connect(start, weak=False)
    signals.worker_ready.connect(tell, weak=False)
    signals.worker_shutting_down.connect(begin_stop, weak=False)
    signals.worker_shutdown.connect(stop, weak=False)
