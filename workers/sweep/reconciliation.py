"""Reconciliation in the workers: the sweeping worker enqueues the accounts that are due, and any worker compares."""

from collections.abc import Callable

import structlog

from shared.database.clock import database_clock
from shared.database.engine import Sessions
from shared.domain import AccountId
from shared.ledger import reconciliation
from workers.brokers.base import Broker
from workers.brokers.net_positions import net_positions

log = structlog.get_logger()


def ask_due(sessions: Sessions, enqueue: Callable[[AccountId], object]) -> None:
    """Enqueues a look at every account that is due. One that gets lost is asked for again when the next is due."""
    with sessions.begin() as session:
        due = reconciliation.ask_due(session, database_clock(session))
    for account in due:
        enqueue(account)


def reconcile_account(sessions: Sessions, broker: Broker, account: AccountId) -> None:
    """Compares the account's ledger with its broker now."""
    seen = reconciliation.reconcile(sessions, account, lambda: net_positions(broker))
    result = seen.hindrance or seen.result
    log.info("Ledger and broker were compared.", action="reconciled", account_id=account, result=result)
