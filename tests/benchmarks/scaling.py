"""`python -m tests.benchmarks.scaling`: events accepted and executed a second by 1, 2 and 4 processes of a kind.

Everything runs on this one machine, with PostgreSQL, Redis, the broker and the load: the curve bends where its cores
end, and says nothing about more machines than that processes do not stand in each other's way.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from redis import Redis
from rich.console import Console

from tests.benchmarks import load, measures, site
from tests.benchmarks.draining import drain
from tests.benchmarks.measures import STRATEGIES
from tests.benchmarks.samples import Sample, sample
from tests.benchmarks.sides import THREADS, Bridge
from tests.support.eventually import eventually

CONSOLE = Console(soft_wrap=True, markup=False, highlight=False)
PROCESSES = (1, 2, 4)
CONNECTIONS = 64
START_SECONDS = 60.0
ACCEPTED = "accepted by receivers"
INSTANT = "executed by workers, broker answers at once"
SLOW = "executed by workers, broker takes 50 ms"

Figures = Mapping[tuple[str, int], Sample]


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table and a curve (Mermaid), as Markdown."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scaling", description=__doc__)
    parser.add_argument("--events", type=int, default=1500, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="pqb-bench-"))
    before = os.getloadavg()[0]
    with site.running(folder) as ground:
        bridge = Bridge(ground)
        bridge.start()
        found = _measure(bridge, chosen.events, chosen.rounds)
    shutil.rmtree(folder)
    CONSOLE.print(table(found))
    CONSOLE.print(f"{os.cpu_count()} processors, load average before {before:.1f}; {chosen.rounds} rounds.\n")
    CONSOLE.print(curve(found))
    return 0


def table(found: Figures) -> str:
    """A line for each kind: medians a second with half of their spread, and what four do against one."""
    head = ["events a second", *(f"{processes}" for processes in PROCESSES), f"{PROCESSES[-1]} against 1"]
    lines = [head, ["---"] * len(head)]
    for kind in (ACCEPTED, INSTANT, SLOW):
        samples = [found[kind, processes] for processes in PROCESSES]
        told = [f"{each.median:.0f} (±{each.spread / 2:.0%})" for each in samples]
        lines.append([kind, *told, f"{samples[-1].median / samples[0].median:.2f}"])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def curve(found: Figures) -> str:
    """The medians as a chart in Mermaid: accepted, executed at once, executed with 50 ms, in this order."""
    most = max(each.median for each in found.values())
    lines = [
        "```mermaid",
        "xychart-beta",
        f"    x-axis processes [{', '.join(str(processes) for processes in PROCESSES)}]",
        f'    y-axis "events a second" 0 --> {most * 1.1:.0f}',
    ]
    for kind in (ACCEPTED, INSTANT, SLOW):
        medians = ", ".join(f"{found[kind, processes].median:.0f}" for processes in PROCESSES)
        lines.append(f"    line [{medians}]")
    return "\n".join([*lines, "```"])


def _measure(bridge: Bridge, events: int, rounds: int) -> Figures:
    """The order of the numbers alternates, so that what grows with time does not fall on one of them."""
    values: dict[tuple[str, int], list[float]] = {}
    for number in range(rounds):
        for processes in PROCESSES if number % 2 == 0 else PROCESSES[::-1]:
            bridge.stop_workers()
            bridge.forget()
            bridge.restart_receiver(processes)
            values.setdefault((ACCEPTED, processes), []).append(_accepted(bridge, events))
            bridge.forget()
            for kind, account in ((INSTANT, "instant"), (SLOW, "ms50")):
                values.setdefault((kind, processes), []).append(_executed(bridge, account, events, processes))
    return {key: sample(each) for key, each in values.items()}


def _accepted(bridge: Bridge, events: int) -> float:
    return load.fire(bridge.target("instant"), measures.traffic(events, STRATEGIES, CONNECTIONS)).rate


def _executed(bridge: Bridge, account: str, events: int, processes: int) -> float:
    """Workers that are ready stand still while the queue fills, and then all begin at the same moment."""
    bridge.start_workers(THREADS)
    bridge.start_more_workers(processes - 1)
    eventually(lambda: _assert_ready(bridge, processes), timeout=START_SECONDS, interval=0.1)
    calls = bridge.calls()
    _tell_workers(bridge, signal.SIGSTOP)
    load.fire(bridge.target(account), measures.traffic(events, STRATEGIES, CONNECTIONS))
    _tell_workers(bridge, signal.SIGCONT)
    rate = drain(bridge, calls, events).rate
    bridge.stop_workers()
    return rate


def _tell_workers(bridge: Bridge, signum: signal.Signals) -> None:
    for program in bridge.workers().values():
        program.signal_group(signum)


def _assert_ready(bridge: Bridge, processes: int) -> None:
    """A worker that consumes waits in Redis for the queue."""
    with Redis.from_url(bridge.site.redis(bridge.redis_number)) as redis:
        waiting = int(redis.info("clients")["blocked_clients"])
    assert waiting >= processes, f"{waiting} of {processes} workers wait for the queue"


if __name__ == "__main__":
    sys.exit(main())
