"""The Celery tasks: thin, an id in, nothing out. The row is the truth; a task that is run twice changes nothing."""

import structlog
from celery import Celery

from shared.accounts import instrument_refresh
from shared.accounts.instrument_choices import InstrumentFile
from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.domain import AccountId, EventId
from shared.queue import canary
from shared.queue.doorbell import CANARY_TASK, EXECUTE_TASK, RECONCILE_TASK, REFRESH_TASK
from workers.brokers.account_brokers import AccountBrokers
from workers.brokers.base import BrokerUnavailable
from workers.brokers.odd_rows import collecting_odd_rows
from workers.execution.context import WorkerContext
from workers.execution.run import execute_event
from workers.sweep import reconciliation
from workers.sweep.queue_activity import QueueActivity

log = structlog.get_logger()


def register(
    app: Celery,
    sessions: Sessions,
    context: WorkerContext,
    adapters: AccountBrokers,
    hearing: QueueActivity,
    worker: str,
    file: InstrumentFile,
) -> None:
    """Adds the tasks to the application. `worker`: the name by which this process beats. `file`: of the instruments.

    Not `shared`: else any later application of the process, such as a test's, would run the tasks of this one.
    """

    @app.task(name=EXECUTE_TASK, shared=False)
    def execute(event: int) -> None:
        """Executes what is due of the event's strategy."""
        with hearing.task(), structlog.contextvars.bound_contextvars(doorbell=event):
            execute_event(context, EventId(event))

    @app.task(name=CANARY_TASK, shared=False)
    def hear_canary() -> None:
        """Proves that this worker consumes the queue."""
        with hearing.task(), sessions.begin() as session:
            canary.consumed(session, worker, database_clock(session))

    @app.task(name=RECONCILE_TASK, shared=False)
    def reconcile_account(account: int) -> None:
        """Compares what the ledger and the account's broker hold."""
        with hearing.task():
            reconciliation.reconcile_account(sessions, adapters.of(AccountId(account)), AccountId(account))

    @app.task(name=REFRESH_TASK, shared=False)
    def refresh_instruments(account: int) -> None:
        """Stores what the account's broker lists now, with the choices of the instruments file."""
        with hearing.task():
            ask = adapters.of(AccountId(account)).instruments
            try:
                with collecting_odd_rows() as odd:
                    chosen = instrument_refresh.refresh(sessions, AccountId(account), ask, file)
            except BrokerUnavailable as error:  # the sweep asks again, and until then the old ones hold
                log.warning("Instruments not refreshed.", action="refresh_failed", account_id=account, why=error.reason)
                return
        if odd:
            instrument_refresh.alert_odd_rows(sessions, AccountId(account), odd)
        count = len(chosen.instruments)
        log.info("Instruments refreshed.", action="instruments_refreshed", account_id=account, count=count)
        for why in chosen.warnings:
            log.warning("A choice is in vain.", action="choice_in_vain", account_id=account, why=why)
