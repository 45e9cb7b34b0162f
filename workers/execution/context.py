"""Everything outside that executing an event needs, in one place: built by the composition root, faked by the tests."""

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
class AtHand:
    """An adapter, and what it promised when it was last asked: an adapter may have to ask its broker for that."""

    broker: Broker
    promises: Capabilities


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a worker works with. Times in seconds.

    `owner`: a name for the thread at work, unique among all. `broker`: the adapter of an account, made on first use.
    `announce`: tells waiting requests that an event is finished. `wake`: rings the event at a time; if that is
    forgotten, the sweep does it. `stopping`: no new order is to be begun. `at_hand`: the adapters that were used
    already, by account. `lane`: where a thread is in a transaction; the others wait for one without the interpreter, or
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
    at_hand: dict[AccountId, AtHand] = field(default_factory=dict)
    lane: Callable[[], AbstractContextManager[Committing]] = unlimited
    clock: Clock = database_clock
    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = field(default=random.random)
    pause: Callable[[float], None] = time.sleep  # between tries while the database is away
