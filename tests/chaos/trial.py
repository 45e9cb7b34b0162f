"""One system put through one plan: start, signals and faults side by side, a drain without faults, and the figures."""

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from shared.domain import SignalEvent
from tests.chaos import plan, score, stories
from tests.chaos.injection import Injection
from tests.chaos.load import Sender
from tests.chaos.score import Figures
from tests.chaos.stage import ACCOUNT, Stage
from tests.chaos.systems import System, Verdict
from tools.local import lock

TICK_SECONDS = 0.05
LOOK_SECONDS = 1.0
DRAIN_SECONDS = 240.0


@dataclass(frozen=True, slots=True)
class Settings:
    """What is the same for every system. `rate`: events a second."""

    seconds: float
    seed: int
    rate: float
    calm: bool  # no faults
    dedupe: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that is known of one system's run. `sent_twice`: orders that the broker knew already, and refused."""

    system: str
    figures: Figures
    verdict: Verdict
    faults: Mapping[str, int]
    missed_faults: int
    unplanned: Mapping[str, int]
    sent_twice: int
    drained: bool
    load: float  # of the machine, all its users together, over the last fifteen minutes


Watch = Callable[[float, str], None]
"""Is told how many seconds of the run are over, and what goes on."""


def run(system: System, settings: Settings, folder: Path, watch: Watch) -> Outcome:
    """Puts the system through it, in `folder`, where the logs, the books and the history stay."""
    stage = Stage(folder, settings.dedupe, system.with_postgres)
    with lock.held(folder):
        try:
            stage.start_servers()
            token = system.start(stage)
            return _run(system, settings, stage, token, watch)
        finally:
            stage.stop()


def _run(system: System, settings: Settings, stage: Stage, token: str, watch: Watch) -> Outcome:
    deliveries = stories.deliveries(settings.seed, settings.seconds, settings.rate, int(time.time() * 1000))
    sender = Sender(stage.webhook_url, token, ACCOUNT, deliveries, stage.folder / "history.jsonl")
    injection = Injection(stage, [] if settings.calm else plan.plan(settings.seed, settings.seconds))
    sender.start()
    began = time.monotonic()
    try:
        while (over := time.monotonic() - began) < settings.seconds:
            injection.tick()
            watch(over, f"{len(injection.struck)} faults, {len(sender.exchanges)} deliveries")
            time.sleep(TICK_SECONDS)  # the plan goes by the clock
        injection.finish()
        drained = _drain(system, stage, sender, watch, settings.seconds)
    finally:
        sender.stop()
    return _outcome(system, stage, token, sender, injection, [one.event for one in deliveries], drained)


def _outcome(
    system: System,
    stage: Stage,
    token: str,
    sender: Sender,
    injection: Injection,
    sent: Sequence[SignalEvent],
    drained: bool,
) -> Outcome:
    """Stops the programs and counts."""
    sent_twice = httpx.get(f"{stage.broker_url}/figures", timeout=5, trust_env=False).json()["refused_twice"]
    unplanned = stage.unplanned()
    stage.stop_programs()
    books, events = stage.books.accepted(ACCOUNT), list(dict.fromkeys(sent))
    return Outcome(
        system=system.name,
        figures=score.figures(events, sender.exchanges, books, system.ids, injection.struck),
        verdict=system.verdict(stage, token, sender.exchanges, _answered(sender)),
        faults=dict(Counter(str(struck.fault.kind) for struck in injection.struck)),
        missed_faults=len(injection.failed),
        unplanned=unplanned,
        sent_twice=sent_twice,
        drained=drained,
        load=os.getloadavg()[2],
    )


def _drain(system: System, stage: Stage, sender: Sender, watch: Watch, seconds: float) -> bool:
    """Waits, without faults, until all is answered and nothing is on its way. Returns whether that came to be."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while time.monotonic() < deadline:
        stage.tend()
        watch(seconds, "faults are over; waiting for the rest")
        if sender.has_ended() and system.has_settled(stage, _answered(sender)):
            return True
        time.sleep(LOOK_SECONDS)  # nobody tells us
    return False


def _answered(sender: Sender) -> list[SignalEvent]:
    """The events that were answered 200 at least once."""
    answered = (exchange.event for exchange in sender.exchanges if exchange.answer and exchange.answer.status == 200)
    return list(dict.fromkeys(event for event in answered if isinstance(event, SignalEvent)))
