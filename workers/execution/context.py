"""What executing an event depends on, handed in: built by the composition root, faked by the tests."""

import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

from shared.database.clock import Clock, database_clock
from shared.database.dedicated_connections import Transactions
from shared.domain import AccountId, EventId
from workers.brokers.base import Broker, Capabilities
from workers.runtime.transaction_slots import Committing, unlimited


@dataclass(frozen=True, slots=True)
class BrokerHandle:
    """An adapter, and its capabilities as last read: reading them may cost a call to its broker."""

    broker: Broker
    promises: Capabilities


@dataclass(frozen=True, slots=True)
class WorkerContext:
    """The dependencies of a worker that executes events. Times in seconds.

    `owner`: a name for the thread at work, unique among all. `broker`: the adapter of an account, made on first use.
    `announce`: tells waiting requests that an event is finished. `wake`: rings the event at a time; if that is
    forgotten, the sweep does it. `stopping`: no new order is to be begun. `handles`: the adapters that were used
    already, by account. `slot`: where a thread is in a transaction; the others wait for one without the interpreter, or
    speak with a broker.
    """

    sessions: Transactions
    owner: Callable[[], str]
    broker: Callable[[AccountId], Broker]
    announce: Callable[[EventId], None]
    wake: Callable[[EventId, datetime], None]
    stopping: Callable[[], bool]
    lease: float
    open_max_age: float
    reorder_grace: float
    handles: dict[AccountId, BrokerHandle] = field(default_factory=dict)
    slot: Callable[[], AbstractContextManager[Committing]] = unlimited
    clock: Clock = database_clock
    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = field(default=random.random)
    pause: Callable[[float], None] = time.sleep  # between tries while the database is away
