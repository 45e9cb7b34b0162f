"""`python -m tests.benchmarks.cost`: what one event asks of PostgreSQL and Redis, by the servers' own counters.

Counted and not timed: a busy machine changes nothing but how many requests happen to share a commit.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from tests.benchmarks import counters, load, measures, site
from tests.benchmarks.counters import Counts, Size
from tests.benchmarks.draining import drain
from tests.benchmarks.measures import STRATEGIES, WAIT_SECONDS
from tests.benchmarks.sides import Bridge
from tests.benchmarks.site import Site

CONSOLE = Console(soft_wrap=True, markup=False, highlight=False)
IDLE_SECONDS = 20
WARM = 64  # events until every connection and cache is there
CONNECTIONS = 32
LIVE_RATE = 50.0  # events a second: each finds its strategy idle
HEAD = ("", "statements", "of them writes", "transactions", "of them durable", "WAL bytes", "page images", "Redis")
TABLE_HEAD = ("table", "rows an event", "bytes an event", "of them indexes")


@dataclass(frozen=True, slots=True)
class Cost:
    """What was counted in one part of the run. `per`: the number of events, or of seconds where there were none."""

    what: str
    counted: Counts
    per: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the tables, as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cost", description=__doc__)
    parser.add_argument("--events", type=int, default=1000, help="of each part; twice that many are executed")
    events: int = parser.parse_args(arguments).events
    folder = Path(tempfile.mkdtemp(prefix="pqb-bench-"))
    with site.running(folder, statements="top") as ground:
        costs, queued, connected, grown = _count(ground, events)
    shutil.rmtree(folder)
    _print_costs(costs)
    CONSOLE.print(f"\nRedis keeps {queued / events:.0f} bytes for each event in the queue.")
    CONSOLE.print(f"PostgreSQL connections that were open after the load: {connected}.\n")
    _print_sizes(grown, 2 * events)
    return 0


def _count(ground: Site, events: int) -> tuple[list[Cost], int, int, list[Size]]:
    """Parts, bytes of the queue, open connections, and tables after two parts of the live load."""
    bridge = Bridge(ground, "bridge")
    bridge.start()
    counters.prepare(bridge.url)
    _warm(bridge)
    costs = [Cost("idle, a second", _counted(bridge, lambda: time.sleep(IDLE_SECONDS)), IDLE_SECONDS)]
    bridge.stop_workers()
    costs.append(Cost("accepted one by one", _counted(bridge, lambda: _accept(bridge, events, 1)), events))
    together = _counted(bridge, lambda: _accept(bridge, events, CONNECTIONS))
    costs.append(Cost(f"accepted, {CONNECTIONS} at once", together, events))
    costs.append(Cost("executed from a backlog", _counted(bridge, lambda: _work_off(bridge, 2 * events)), 2 * events))
    connected = counters.connections(bridge.url)
    bridge.stop_workers()
    bridge.forget()
    bridge.start_workers()
    costs.append(Cost("the whole way, nobody waits", _counted(bridge, lambda: _live(bridge, 2 * events)), 2 * events))
    grown = counters.sizes(bridge.url)
    bridge.end()
    waiting = Bridge(ground, "waiting", redis_number=2, wait=WAIT_SECONDS)
    waiting.start()
    counters.prepare(waiting.url)
    _warm(waiting)
    whole = _counted(waiting, lambda: _live(waiting, events))
    costs.append(Cost("the whole way, the request waits for it", whole, events))
    waiting.end()
    return costs, together.memory, connected, grown


def _counted(bridge: Bridge, work: Callable[[], object]) -> Counts:
    redis = bridge.site.redis(bridge.redis_number)
    before = counters.read(bridge.url, redis)
    work()
    return counters.read(bridge.url, redis).less(before)


def _warm(bridge: Bridge) -> None:
    """Connections open and the worker up, which `drain` tells: nothing of that belongs to an event."""
    calls = bridge.calls()
    load.fire(bridge.target("instant"), measures.traffic(WARM, STRATEGIES, CONNECTIONS))
    drain(bridge, calls, WARM)


def _accept(bridge: Bridge, events: int, connections: int) -> None:
    load.fire(bridge.target("instant"), measures.traffic(events, STRATEGIES, connections))


def _work_off(bridge: Bridge, events: int) -> None:
    calls = bridge.calls()
    bridge.start_workers()
    drain(bridge, calls, events)


def _live(bridge: Bridge, events: int) -> None:
    calls = bridge.calls()
    apart = replace(measures.traffic(events, STRATEGIES, CONNECTIONS), rate=LIVE_RATE)
    load.fire(bridge.target("instant"), apart)
    drain(bridge, calls, events)


def _print_costs(costs: Sequence[Cost]) -> None:
    _print_line(HEAD)
    _print_line(["---"] * len(HEAD))
    for cost in costs:
        each = cost.counted
        numbers = (each.statements, each.writes, each.transactions, each.transactions - each.careless)
        told = [f"{number / cost.per:.2f}" for number in numbers]
        redis = ", ".join(f"{calls / cost.per:.2f} {name}" for name, calls in each.commands.most_common(8))
        _print_line([cost.what, *told, f"{each.wal / cost.per:.0f}", f"{each.images / cost.per:.2f}", redis])


def _print_sizes(grown: Sequence[Size], events: int) -> None:
    _print_line(TABLE_HEAD)
    _print_line(["---"] * len(TABLE_HEAD))
    for size in grown:
        numbers = (size.rows / events, (size.heap + size.indexes) / events, size.indexes / events)
        _print_line([size.table, f"{numbers[0]:.2f}", f"{numbers[1]:.0f}", f"{numbers[2]:.0f}"])
    CONSOLE.print(f"\nTogether {sum(size.heap + size.indexes for size in grown) / events:.0f} bytes an event.")


def _print_line(cells: Sequence[str]) -> None:
    CONSOLE.print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    sys.exit(main())
