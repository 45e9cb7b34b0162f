"""How long and how often is measured: the whole run, and the one of under a minute."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scale:
    """Numbers of events are upper limits; a drain that would take longer than `seconds` is made smaller."""

    rounds: int
    accepted: int  # events of one round of B1
    drained: int  # of one round of B4
    burst: int
    history: tuple[int, ...]  # finished events in the tables of B6, growing; the last is what it is about
    idle: int  # events one by one, of B3 and B10
    steady_seconds: float  # of B2, and of each point of the plot
    seconds: float  # for one drain
    memory: tuple[int, int]  # events before the first and the second look at the memory
    memory_seconds: float  # for all of them
    rates: tuple[int, ...]  # events a second, of the plot; none: no plot


FULL = Scale(
    rounds=3,
    accepted=3000,
    drained=10_000,
    burst=10_000,
    history=(0, 200_000, 2_000_000),
    idle=50,
    steady_seconds=4,
    seconds=5,
    memory=(10_000, 200_000),
    memory_seconds=20,
    rates=(50, 200, 400),
)
QUICK = Scale(
    rounds=1,
    accepted=500,
    drained=500,
    burst=1000,
    history=(20_000,),
    idle=15,
    steady_seconds=2,
    seconds=3,
    memory=(200, 400),
    memory_seconds=3,
    rates=(),
)
