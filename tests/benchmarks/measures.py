"""B1 to B5, B7 and B10: each figure in alternating rounds of the two sides."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from tests.benchmarks import load
from tests.benchmarks.draining import Drain, drain
from tests.benchmarks.limits import Row, sized
from tests.benchmarks.load import Answers
from tests.benchmarks.samples import Sample, percentile, ratio, sample
from tests.benchmarks.scale import Scale
from tests.benchmarks.sides import GUNICORN, THREADS, Baseline, Bridge, Side
from tests.benchmarks.traffic import Traffic, event

CONNECTIONS = 32
STRATEGIES = 1000
EVENTS_EACH = 10  # of a drain's strategies
STEADY_RATE = 300.0
WARM_SECONDS = 0.5  # of an open loop
IDLE_RATE = 10.0
SLOTS = 64
SLOW_SECONDS = 0.05
WAIT_SECONDS = 5.0
BROKER_MS = 20
FIRST = 300  # events of the drain that sizes the others
_runs = count(1)


@dataclass(frozen=True, slots=True)
class Past:
    """What a bridge does with so many finished events in its tables: a second, while it accepts and while it drains."""

    events: int
    accepted: float
    drained: float


@dataclass(slots=True)
class Field:
    """Both sides, running, and how much is measured.

    `drained`: the bridge's B4, which B5 refers to. `pasts`: what B6 has seen on its way, for the plot.
    """

    bridge: Bridge
    baseline: Baseline
    scale: Scale
    tell: Callable[[str], None]
    drained: float | None = field(default=None)
    pasts: list[Past] = field(default_factory=list)

    @property
    def sides(self) -> Sequence[Side]:
        return (self.bridge, self.baseline)


def b1(ground: Field) -> Row:
    """Closed loop, workers of both sides stopped: what an accepted event costs, without what its execution costs."""
    ours, theirs = _rounds(ground, lambda side: accept(side, ground.scale.accepted).rate)
    return Row("B1", ratio(ours, theirs), ours, theirs, "events/s", f"{ground.scale.accepted} events, workers stopped")


def b1_plain(ground: Field) -> Row:
    """As B1, against the same endpoint on the server that everybody takes for Flask: gunicorn, with threads."""
    plain = Baseline(ground.bridge.site, "gunicorn", redis_number=6, receiver=GUNICORN)
    plain.start()
    try:
        ours, theirs = _rounds(ground, lambda side: accept(side, ground.scale.accepted).rate, plain)
    finally:
        plain.end()
    note = f"{ground.scale.accepted} events, workers stopped; two processes of 16 threads"
    return Row("B1-plain", ratio(ours, theirs), ours, theirs, "events/s", note)


def b2(ground: Field) -> Row:
    """Open loop, workers of both sides stopped, as in B1."""
    ours, theirs = _rounds(ground, lambda side: percentile(steady(side, STEADY_RATE, ground.scale).latencies, 0.99))
    return Row("B2", ratio(ours, theirs), ours, theirs, "s", "workers stopped; from the intended send time")


def b3(ground: Field) -> Row:
    """One event at a time, the paper broker: from the POST to the entry into the adapter's submit."""
    ours, theirs = _rounds(ground, lambda side: _idle(side, ground.scale.idle))
    return Row("B3", ratio(ours, theirs), ours, theirs, "ms", f"{ground.scale.idle} events a round")


def b4(ground: Field) -> Row:
    """Queued while the workers were stopped, then drained by one worker of each side's."""
    events = _drain_size(ground)
    ours, theirs = _rounds(ground, lambda side: backlog(side, "instant", events, THREADS).rate)
    ground.drained = ours.median
    return Row("B4", ratio(ours, theirs), ours, theirs, "orders/s", f"{events} events, one worker of {THREADS} threads")


def b5(ground: Field) -> Row:
    """As B4 with a broker of 50 ms and as many threads as slots."""
    if ground.drained is None:
        b4(ground)
    assert ground.drained is not None
    allowed = min(SLOTS / SLOW_SECONDS, ground.drained)
    events = sized(ground.scale.drained, allowed, ground.scale.seconds, FIRST)
    ours, theirs = _rounds(ground, lambda side: backlog(side, "ms50", events, SLOTS).rate)
    note = f"{events} events; {allowed:.0f} orders/s are allowed"
    return Row("B5", ours.median / allowed, ours, theirs, "orders/s", note)


def b7(ground: Field) -> Row:
    """Everything is due at the same moment, workers running. All of it must be executed in the end."""
    events = ground.scale.burst

    def burst(side: Side) -> float:
        calls = side.calls()
        answers = load.fire(side.target("instant"), replace(traffic(events, 5000, 256), burst=True))
        drain(side, calls, events)
        return percentile(answers.latencies, 0.99)

    ours, theirs = _rounds(replace(ground, scale=replace(ground.scale, rounds=1)), burst, running=True)
    return Row("B7", ours.median, ours, theirs, "s", f"{events} events, 256 connections, every order counted")


def b10(ground: Field) -> Row:
    """One event at a time at a bridge of its own, whose receiver waits for outcomes."""
    waiting = Bridge(ground.bridge.site, "waiting", redis_number=2, wait=WAIT_SECONDS)
    waiting.start()
    try:
        values = [_answer_above_broker(waiting, ground.scale.idle) for _ in range(ground.scale.rounds)]
    finally:
        waiting.end()
    ours = sample(values)
    return Row("B10", ours.median, ours, None, "ms", f"{ground.scale.idle} events a round")


def accept(side: Side, events: int) -> Answers:
    """A closed loop of new events. The workers must have stopped."""
    return load.fire(side.target("instant"), traffic(events, STRATEGIES, CONNECTIONS))


def steady(side: Side, rate: float, scale: Scale) -> Answers:
    """An open loop at `rate` events a second, after a while of it that does not count.

    Else the first requests after a rest of either side, which take up to 70 milliseconds, are the slowest hundredth.
    """
    load.fire(side.target("instant"), replace(traffic(int(rate * WARM_SECONDS), STRATEGIES, SLOTS), rate=rate))
    due = replace(traffic(int(rate * scale.steady_seconds), STRATEGIES, SLOTS), rate=rate)
    return load.fire(side.target("instant"), due)


def backlog(side: Side, account: str, events: int, threads: int) -> Drain:
    """Queues events while no worker runs, then lets one drain them. The workers must have stopped, and stop again."""
    return _queue_and_drain(side, account, events, threads)[1]


def accept_and_drain(side: Side, events: int) -> tuple[float, float]:
    """Answers a second while no worker runs, and orders a second after that. The workers must have stopped."""
    answers, drained = _queue_and_drain(side, "instant", events, THREADS)
    return answers.rate, drained.rate


def _queue_and_drain(side: Side, account: str, events: int, threads: int) -> tuple[Answers, Drain]:
    calls = side.calls()
    answers = load.fire(side.target(account), traffic(events, _spread(events, threads), CONNECTIONS))
    side.start_workers(threads)
    try:
        return answers, drain(side, calls, events)
    finally:
        side.stop_workers()


def _spread(events: int, threads: int) -> int:
    """Strategies of a drain: as many events each as in 10,000 over 1,000, and enough to keep the threads busy."""
    return min(STRATEGIES, max(events // EVENTS_EACH, 2 * threads))


def _answer_above_broker(waiting: Bridge, events: int) -> float:
    """Milliseconds, p50, beyond those of the broker itself."""
    calls = waiting.calls()
    answers = load.fire(waiting.target("ms20"), traffic(events, STRATEGIES, 1))
    drain(waiting, calls, events)
    return percentile(answers.latencies, 0.5) * 1000 - BROKER_MS


def _idle(side: Side, events: int) -> float:
    """Milliseconds, p50. Far enough apart that each finds everything idle."""
    side.start_workers()
    calls = side.calls()
    load.fire(side.target("paper"), traffic(1, 1, 1))
    drain(side, calls, 1)  # the worker is there now
    apart = replace(traffic(events, STRATEGIES, 4), rate=IDLE_RATE)
    answers = load.fire(side.target("paper"), apart)
    sent = {event(apart, number).proquant_position_id: at for number, at in enumerate(answers.record.sent)}
    return percentile([call.at - sent[call.position] for call in drain(side, calls, events).calls], 0.5) * 1000


def _drain_size(ground: Field) -> int:
    ground.bridge.stop_workers()
    ground.bridge.forget()
    ground.tell("sizing")
    rate = backlog(ground.bridge, "instant", min(FIRST, ground.scale.drained), THREADS).rate
    return sized(ground.scale.drained, rate, ground.scale.seconds, FIRST)


def _rounds(
    ground: Field, measure: Callable[[Side], float], other: Side | None = None, running: bool = False
) -> tuple[Sample, Sample]:
    """Alternates; each begins with empty tables and queues, and no worker runs that it does not start.

    `other`: what the bridge is compared with, if it is not the baseline.
    """
    sides: Sequence[Side] = (ground.bridge, other or ground.baseline)
    values: dict[str, list[float]] = {side.label: [] for side in sides}
    for side in sides:
        side.stop_workers()
    for number in range(ground.scale.rounds):
        for side in sides if number % 2 == 0 else sides[::-1]:
            ground.tell(f"round {number + 1}, {side.label}")
            side.forget()
            if running:
                side.start_workers()
            values[side.label].append(measure(side))
            side.stop_workers()
    return sample(values[sides[0].label]), sample(values[sides[1].label])


def traffic(events: int, strategies: int, connections: int) -> Traffic:
    """A closed loop of events that no other run has."""
    return load.plan(f"run{next(_runs)}", events, strategies, connections)
