"""The broker of an account that there is, for a command: its requests come out of the budget that the workers keep."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from shared.accounts import accounts, vault
from shared.config import Config
from shared.database.engine import Sessions
from shared.domain import AccountId
from shared.queue.doorbell import make_redis

if TYPE_CHECKING:
    from workers.brokers.base import Broker


@contextmanager
def broker_of(sessions: Sessions, config: Config, name: str) -> Iterator[tuple[AccountId, "Broker"]]:
    """The account of this name, and its adapter. Without Redis the command takes the share of one process.

    Raises UnknownAccount, and ConfigurationError where the account's settings cannot be used.
    """
    from workers.brokers.rate_limit import RateLimitedBroker
    from workers.brokers.rate_limit_setting import own_rate_limit
    from workers.brokers.registry import make_broker
    from workers.brokers.request_counter import RequestCounter

    with sessions() as session:
        account = accounts.named(session, name)
    told = vault.decrypt(config.secret_key, account.broker_settings)
    with (
        closing(make_broker(account.broker, told, name)) as broker,
        closing(RequestCounter(make_redis(config.redis_url))) as counter,
    ):
        yield AccountId(account.id), RateLimitedBroker(broker, counter, str(account.id), own_rate_limit(told))
