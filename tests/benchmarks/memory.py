"""B8 and B9: what the processes keep in memory, after many events and with many broker calls in flight."""

import psutil

from tests.benchmarks import load, measures
from tests.benchmarks.draining import drain
from tests.benchmarks.limits import Row, sized
from tests.benchmarks.measures import FIRST, SLOTS, STRATEGIES, Field
from tests.benchmarks.samples import sample
from tests.benchmarks.sides import THREADS, Bridge

MIB = 1024 * 1024
IN_FLIGHT_EVENTS = 6 * SLOTS


def b8(ground: Field) -> Row:
    """A receiver and a worker that live through all of it. The second number of events is as large as fits the time."""
    bridge = Bridge(ground.bridge.site, "lasting", redis_number=4)
    bridge.start()
    early, late = _sizes(bridge, ground)
    ground.tell(f"{early} events")
    _work_off(bridge, early)
    before = _resident(bridge)
    ground.tell(f"{late} events")
    _work_off(bridge, late - early)
    after = _resident(bridge)
    bridge.end()
    note = f"receiver and worker after {late} events against after {early}; `--full`: 200000 against 10000"
    return Row("B8", after / before, sample([after]), sample([before]), "MiB", note)


def b9(ground: Field) -> Row:
    """Receiver, worker, Flower, PostgreSQL and Redis; pages that several share count once, in parts (PSS)."""
    bridge = Bridge(ground.bridge.site, "flight", redis_number=5)
    bridge.start()
    bridge.add_flower()
    bridge.stop_workers()
    values = []
    for _ in range(ground.scale.rounds):
        calls = bridge.calls()
        bridge.start_workers(SLOTS)
        load.fire(bridge.target("ms50"), measures.traffic(IN_FLIGHT_EVENTS, STRATEGIES, SLOTS))
        values.append(_proportional(bridge))
        drain(bridge, calls, IN_FLIGHT_EVENTS)
        bridge.stop_workers()
    bridge.end()
    ours = sample(values)
    return Row("B9", ours.median, ours, None, "MiB", f"{SLOTS} threads, PSS, all databases of the run in PostgreSQL")


def _sizes(bridge: Bridge, ground: Field) -> tuple[int, int]:
    bridge.stop_workers()
    rate = measures.backlog(bridge, "instant", min(FIRST, ground.scale.drained), THREADS).rate
    bridge.start_workers()
    early, late = ground.scale.memory
    late = sized(late, rate, ground.scale.memory_seconds, 2 * FIRST)
    return min(early, late // 4), late


def _work_off(bridge: Bridge, events: int) -> None:
    calls = bridge.calls()
    load.fire(bridge.target("instant"), measures.traffic(events, STRATEGIES, 32))
    drain(bridge, calls, events)


def _resident(bridge: Bridge) -> float:
    """MiB of receiver and worker."""
    return sum(process.memory_info().rss for process in _family(bridge, ("receiver", "worker"))) / MIB


def _proportional(bridge: Bridge) -> float:
    servers = [child for child in psutil.Process().children(recursive=True) if _is_server(child)]
    everyone = [*_family(bridge, ("receiver", "worker", "flower")), *servers]
    return sum(map(_pss, everyone)) / MIB


def _pss(process: psutil.Process) -> int:
    """A process of PostgreSQL's may end while it is looked at: then it holds nothing."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.NoSuchProcess:
        return 0


def _is_server(process: psutil.Process) -> bool:
    try:
        return process.name().startswith(("postgres", "redis", "valkey"))
    except psutil.NoSuchProcess:
        return False


def _family(bridge: Bridge, names: tuple[str, ...]) -> list[psutil.Process]:
    heads = [psutil.Process(bridge.site.stage.programs[f"{bridge.label}-{name}"].pid) for name in names]
    return [process for head in heads for process in (head, *head.children(recursive=True))]
