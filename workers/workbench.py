"""Everything outside that executing an event needs, in one place: built by the composition root, faked by the tests."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from shared.clock import Clock, database_clock
from shared.db import Sessions
from shared.domain import AccountId, EventId
from workers.brokers.base import Broker


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a worker works with. Times in seconds.

    `owner`: a name for the thread at work, unique among all. `broker`: the adapter of an account. `announce`: tells
    waiting requests that an event is finished. `wake`: rings the event at a time; if that is forgotten, the sweep does
    it. `stopping`: no new order is to be begun.
    """

    sessions: Sessions
    owner: Callable[[], str]
    broker: Callable[[AccountId], Broker]
    announce: Callable[[EventId], None]
    wake: Callable[[EventId, datetime], None]
    stopping: Callable[[], bool]
    lease: float
    open_max_age: float
    reorder_grace: float
    clock: Clock = database_clock
    monotonic: Callable[[], float] = time.monotonic
    jitter: Callable[[], float] = field(default=random.random)
    pause: Callable[[float], None] = time.sleep  # between tries while the database is away
