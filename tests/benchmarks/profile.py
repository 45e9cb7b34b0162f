"""`python -m tests.benchmarks.profile receiver|worker`: what costs time (py-spy), and what each event asks of SQL."""

import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import psycopg
from rich.console import Console

from tests.benchmarks import measures, site
from tests.benchmarks.calls import Calls
from tests.benchmarks.sides import Bridge
from tests.support.eventually import eventually

CONSOLE = Console(soft_wrap=True, markup=False, highlight=False)
WARM = 100  # events until connections and caches are there
EVENTS = 1000
SPIED_EVENTS = 10_000  # of a receiver, which takes thousands a second, while the spy looks a hundred times
TOP = 30
PATIENCE_SECONDS = 120.0
STATEMENTS = """
SELECT round(calls::numeric / %(events)s, 2), round(mean_exec_time::numeric, 3), left(query, 110)
FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
ORDER BY calls DESC, total_exec_time DESC LIMIT 25
"""


def main(arguments: Sequence[str]) -> int:
    """Runs the load on one part, and prints its profile. Returns 2 for an unknown part."""
    parts: dict[str, Callable[[Bridge], None]] = {"receiver": _receiver, "worker": _worker}
    if len(arguments) != 1 or arguments[0] not in parts:
        CONSOLE.print(__doc__)
        return 2
    folder = Path(tempfile.mkdtemp(prefix="pqb-bench-"))
    with site.running(folder, statements="top") as ground:
        bridge = Bridge(ground)
        bridge.start()
        bridge.stop_workers()
        bridge.forget()
        parts[arguments[0]](bridge)
    shutil.rmtree(folder)
    return 0


def _receiver(bridge: Bridge) -> None:
    measures.accept(bridge, WARM)
    _count(bridge, lambda: measures.accept(bridge, EVENTS))
    for child in psutil.Process(bridge.site.stage.programs["bridge-receiver"].pid).children(recursive=True):
        if any("resource_tracker" in word for word in child.cmdline()):
            continue  # Python's own, which serves nobody
        spy = _spy(child.pid, bridge.site.folder / f"{child.pid}.txt")
        measures.accept(bridge, SPIED_EVENTS)
        _print_hottest(spy, bridge.site.folder / f"{child.pid}.txt")


def _worker(bridge: Bridge) -> None:
    measures.accept(bridge, EVENTS)
    calls, file = bridge.calls(), bridge.site.folder / "worker.txt"

    def work() -> None:
        bridge.start_workers()
        pid = bridge.site.stage.programs["bridge-worker"].pid
        assert pid is not None
        eventually(lambda: _assert_begun(calls))
        spy = _spy(pid, file)
        eventually(lambda: _assert_idle(bridge), timeout=PATIENCE_SECONDS, interval=0.2)
        _print_hottest(spy, file)

    _count(bridge, work)
    bridge.stop_workers()


def _count(bridge: Bridge, work: Callable[[], object]) -> None:
    """Prints statements and transactions an event, by PostgreSQL's own count, and its milliseconds for each."""
    with psycopg.connect(bridge.url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        connection.execute("SELECT pg_stat_statements_reset()")
        work()
        rows = connection.execute(STATEMENTS, {"events": EVENTS}).fetchall()
    CONSOLE.print("an event | ms each | statement")
    for times, milliseconds, text in rows:
        CONSOLE.print(f"{times:8} | {milliseconds:7} | {' '.join(text.split())}")


def _spy(pid: int, file: Path) -> "subprocess.Popen[bytes]":
    """py-spy beside it, until it is told to end. Sees only what uses the processor or holds the interpreter."""
    program = Path(sys.executable).with_name("py-spy")
    command = [
        str(program),
        "record",
        "--pid",
        str(pid),
        "--format",
        "raw",
        "--output",
        str(file),
        "--gil",
        "-d",
        "600",
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _print_hottest(spy: "subprocess.Popen[bytes]", file: Path) -> None:
    """By function: the share of samples in which it was at work itself, and in which it was on the stack."""
    spy.send_signal(signal.SIGINT)
    spy.wait(PATIENCE_SECONDS)
    own: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for line in file.read_text().splitlines():
        stack, _, times = line.rpartition(" ")
        frames = [re.sub(r":\d+\)", ")", frame) for frame in stack.split(";")]
        own[frames[-1]] += int(times)
        whole.update(dict.fromkeys(frames, int(times)))
    total = max(1, own.total())
    for title, counted in (("itself", own), ("with what it calls", whole)):
        CONSOLE.print(f"-- {title}")
        for name, samples in counted.most_common(TOP):
            CONSOLE.print(f"{samples / total:6.1%} {name}")


def _assert_begun(calls: Calls) -> None:
    assert calls.new(), "no order yet"


def _assert_idle(bridge: Bridge) -> None:
    left = bridge.unfinished()
    assert left == 0, f"{left} events have not ended"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
