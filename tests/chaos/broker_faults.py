"""What can go wrong at the chaos broker, and which of its requests it goes wrong for: a seeded choice. No I/O."""

import random
from dataclasses import dataclass, field
from enum import StrEnum

SHARE = 0.5  # of the requests while a fault lasts
LAG_SECONDS = 1.5  # how long a lagging look-up misses an order
SLOWEST_SECONDS = 3.0  # of a slow reply; about as long as a client waits, so that some orders arrive after it left
RETRY_AFTER_SECONDS = 1


class BrokerFault(StrEnum):
    """Each thing that the broker can do to a request."""

    REPLY_LOST = "reply lost after acceptance"
    ERROR_AFTER = "5xx after acceptance"
    ERROR_BEFORE = "5xx before acceptance"
    THROTTLED = "429 with Retry-After"
    SLOW = "slow replies"
    LOOKUPS_LAG = "look-ups lag"
    LOOKUPS_FAIL = "look-ups answer 503"


@dataclass(frozen=True, slots=True)
class Treatment:
    """What happens to one request. Delays in seconds, before and after the order is taken into the books."""

    fault: BrokerFault | None = None
    before: float = 0.0
    after: float = 0.0


@dataclass(slots=True)
class Schedule:
    """The faults that are on, each until a moment of the caller's clock, and the dice of each."""

    _on: dict[BrokerFault, tuple[float, random.Random]] = field(default_factory=dict)

    def begin(self, fault: BrokerFault, until: float, seed: int) -> None:
        """Switches a fault on. The same seed chooses the same requests, by their number."""
        self._on[fault] = (until, random.Random(seed))

    def clear(self) -> None:
        """Switches everything off."""
        self._on.clear()

    def submit(self, now: float) -> Treatment:
        """What happens to a new order."""
        for fault in (BrokerFault.THROTTLED, BrokerFault.ERROR_BEFORE, BrokerFault.REPLY_LOST, BrokerFault.ERROR_AFTER):
            if self._strikes(fault, now):
                return Treatment(fault)
        return self._slow(now)

    def look_up(self, now: float) -> Treatment:
        """What happens to a look-up."""
        for fault in (BrokerFault.LOOKUPS_FAIL, BrokerFault.LOOKUPS_LAG):
            if self._strikes(fault, now):
                return Treatment(fault)
        return self._slow(now)

    def _slow(self, now: float) -> Treatment:
        if not self._strikes(BrokerFault.SLOW, now):
            return Treatment()
        _, dice = self._on[BrokerFault.SLOW]
        delay = dice.uniform(0.2, SLOWEST_SECONDS)
        early = dice.random() < SHARE
        return Treatment(BrokerFault.SLOW, delay if early else 0.0, 0.0 if early else delay)

    def _strikes(self, fault: BrokerFault, now: float) -> bool:
        until, dice = self._on.get(fault, (0.0, random.Random(0)))
        return now < until and dice.random() < SHARE
