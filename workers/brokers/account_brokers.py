"""The broker adapters that are in use in this process: one an account, made on first use."""

import threading

from shared.accounts import vault
from shared.database.engine import Sessions
from shared.database.tables.accounts import Account
from shared.domain import AccountId
from workers.brokers.base import Broker
from workers.brokers.rate_limit import Budgeted
from workers.brokers.rate_limit_setting import own_budget
from workers.brokers.registry import make_broker
from workers.brokers.request_counter import Meter


class Adapters:
    """Finds the adapter of an account, whose settings never change. Thread-safe."""

    def __init__(self, sessions: Sessions, secret_key: str | None, meter: Meter | None = None) -> None:
        """`meter`: keeps the calls of every account within its broker's budget; without it nobody does."""
        self._sessions = sessions
        self._meter = meter
        self._secret_key = secret_key
        self._lock = threading.Lock()
        self._brokers: dict[AccountId, Broker] = {}

    def of(self, account: AccountId) -> Broker:
        """The account's adapter. Raises ConfigurationError where its settings cannot be used."""
        with self._lock:
            if account not in self._brokers:
                self._brokers[account] = self._make(account)
            return self._brokers[account]

    def close(self) -> None:
        """Closes every adapter; none is used after it."""
        with self._lock:
            for broker in self._brokers.values():
                broker.close()
            self._brokers.clear()
        if self._meter is not None:
            self._meter.close()

    def _make(self, account: AccountId) -> Broker:
        with self._sessions() as session:
            row = session.get_one(Account, account)
        settings = vault.decrypt(self._secret_key, row.broker_settings)
        broker = make_broker(row.broker, settings, row.name)
        return broker if self._meter is None else Budgeted(broker, self._meter, str(account), own_budget(settings))
