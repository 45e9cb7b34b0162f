"""The broker adapters that are in use in this process: one an account, made on first use."""

import threading

from shared.accounts import vault
from shared.database.engine import Sessions
from shared.database.tables.accounts import Account
from shared.domain import AccountId
from workers.brokers.base import Broker
from workers.brokers.rate_limit import RateLimitedBroker
from workers.brokers.rate_limit_setting import own_rate_limit
from workers.brokers.registry import make_broker
from workers.brokers.request_counter import RequestCounter


class AccountBrokers:
    """Finds the adapter of an account, whose settings never change. Thread-safe."""

    def __init__(self, sessions: Sessions, secret_key: str | None, counter: RequestCounter | None = None) -> None:
        """`counter`: keeps the calls of every account within its broker's budget; without it nobody does."""
        self._sessions = sessions
        self._counter = counter
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
        if self._counter is not None:
            self._counter.close()

    def _make(self, account: AccountId) -> Broker:
        with self._sessions() as session:
            row = session.get_one(Account, account)
        settings = vault.decrypt(self._secret_key, row.broker_settings)
        broker = make_broker(row.broker, settings, row.name)
        return (
            broker
            if self._counter is None
            else RateLimitedBroker(broker, self._counter, str(account), own_rate_limit(settings))
        )
