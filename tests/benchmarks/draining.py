"""Waiting until the broker was called once for each event, and proof that none was lost or doubled."""

import time
from collections import Counter
from dataclasses import dataclass

from tests.benchmarks.calls import Call, Calls
from tests.benchmarks.sides import Side
from tests.support.eventually import eventually

STALL_SECONDS = 30.0
LOOK_SECONDS = 0.05


class WrongOrders(AssertionError):
    """The broker's calls are not one for each event: whatever was measured is worth nothing."""


@dataclass(frozen=True, slots=True)
class Drain:
    """What the broker saw of one load."""

    calls: list[Call]

    @property
    def rate(self) -> float:
        """Orders a second between the first and the last: the start of a worker is not counted."""
        times = [call.at for call in self.calls]
        return (len(times) - 1) / (max(times) - min(times))


def drain(side: Side, calls: Calls, events: int) -> Drain:
    """Returns when every event has reached the broker and has ended. Raises WrongOrders if one was lost or doubled."""
    seen: list[Call] = []
    progressed = time.monotonic()
    while len(seen) < events:
        new = calls.new()
        seen += new
        now = time.monotonic()
        progressed = now if new else progressed
        if now - progressed > STALL_SECONDS:
            raise WrongOrders(f"{side.label}: {len(seen)} orders for {events} events, and none for {STALL_SECONDS} s")
        time.sleep(LOOK_SECONDS)  # a file that grows tells nobody
    eventually(lambda: _assert_nothing_left(side), timeout=STALL_SECONDS, interval=LOOK_SECONDS)
    seen += calls.new()
    check(side.label, seen, events)
    return Drain(seen)


def check(label: str, seen: list[Call], events: int) -> None:
    """Raises WrongOrders unless there is exactly one call for each event."""
    times = Counter(call.client_order_id for call in seen)
    doubled = sum(count - 1 for count in times.values())
    if doubled or len(times) != events:
        raise WrongOrders(f"{label}: {len(times)} orders for {events} events, {doubled} of them doubled")


def _assert_nothing_left(side: Side) -> None:
    left = side.unfinished()
    assert left == 0, f"{side.label}: {left} events have not ended"
