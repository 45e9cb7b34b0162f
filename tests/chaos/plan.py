"""Which faults strike when, and whom: a plan by seed, the same for every system that is put through it. Pure."""

import random
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.broker_faults import BrokerFault

FAULTS_A_MINUTE = 13
FIRST_AFTER_SECONDS = 3.0


class Blow(StrEnum):
    """Each thing that is done to a process from outside."""

    WORKER_KILLED = "worker killed (SIGKILL)"
    WORKER_STOPPED = "worker stopped (SIGTERM)"
    WORKER_FROZEN = "worker frozen beyond its lease (SIGSTOP)"
    RECEIVER_KILLED = "receiver killed (SIGKILL, all processes)"
    REDIS_KILLED = "Redis killed, its data lost"
    REDIS_FROZEN = "Redis frozen (SIGSTOP)"
    REDIS_FLUSHED = "Redis flushed (FLUSHALL)"
    POSTGRES_CRASHED = "PostgreSQL crashed and recovered"
    POSTGRES_FROZEN = "PostgreSQL frozen (SIGSTOP, all processes)"
    BROKER_KILLED = "broker killed (SIGKILL)"


Kind = Blow | BrokerFault
KINDS: tuple[Kind, ...] = (*Blow, *BrokerFault)
LASTS: dict[Kind, tuple[float, float]] = {
    Blow.WORKER_FROZEN: (9.0, 12.0),  # the lease of an execution is 8 seconds here
    Blow.REDIS_FROZEN: (2.0, 5.0),
    Blow.POSTGRES_FROZEN: (4.0, 8.0),  # a receiver's loop gives it up after 3 seconds
    **dict.fromkeys(BrokerFault, (3.0, 6.0)),
}
"""How long a fault lasts, in seconds; those that are not listed are over at once."""
STOPS_WORK = frozenset({Blow.RECEIVER_KILLED, Blow.POSTGRES_CRASHED, Blow.POSTGRES_FROZEN, Blow.BROKER_KILLED})
OF_POSTGRES = frozenset({Blow.POSTGRES_CRASHED, Blow.POSTGRES_FROZEN})
"""After these nothing can be executed before something has been started again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, `at` seconds after the beginning. `target`: which worker. `seed`: of the dice of a broker's fault."""

    at: float
    kind: Kind
    seconds: float
    target: int
    seed: int


def plan(seed: int, seconds: float) -> list[Fault]:
    """The faults of a run. Every kind strikes before any strikes again, in an order that the seed decides."""
    dice = random.Random(seed)
    gap = 60 / FAULTS_A_MINUTE
    faults: list[Fault] = []
    bag: list[Kind] = []
    at = FIRST_AFTER_SECONDS
    while at < seconds:
        if not bag:
            bag = dice.sample(KINDS, len(KINDS))
        kind = bag.pop()
        faults.append(Fault(at, kind, dice.uniform(*LASTS.get(kind, (0, 0))), dice.randrange(2), dice.getrandbits(32)))
        at += dice.uniform(0.5 * gap, 1.5 * gap)
    return faults
