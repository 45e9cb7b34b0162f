"""All that the simulator remembers, behind one lock, and bounded."""

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from tools.simulator import snapshot
from tools.simulator.misbehaviour import WELL_BEHAVED, Misbehaviour
from tools.simulator.model import Integration, NotPossible, SimulatedStrategy, WebhookAnswer, WebhookCall
from tools.simulator.notification_rules import NotificationVerdict

T = TypeVar("T")
MOST_CALLS = 1000
MOST_INTEGRATIONS = 100
MOST_STRATEGIES = 50


@dataclass(frozen=True, slots=True)
class View:
    """What there is at one moment; `calls` newest first. `revision` grows with every change."""

    revision: int
    integrations: Mapping[str, Integration]
    strategies: Mapping[str, SimulatedStrategy]
    behaviour: Misbehaviour
    calls: tuple[WebhookCall, ...]


class State:
    """Keeps what there is. Each method is atomic; who needs several of them as one holds `lock` around them."""

    def __init__(self, behaviour: Misbehaviour = WELL_BEHAVED, keep: Path | None = None) -> None:
        """`keep`: the file in which integrations and strategies outlive the process. Raises ConfigurationError."""
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._last_ms = 0
        self._numbers: dict[str, int] = {}
        self._revision = 0
        self._keep = keep
        integrations, strategies = snapshot.load(keep) if keep else ([], [])
        self._integrations = {each.id: each for each in integrations}
        self._strategies = {each.id: each for each in strategies}
        self._calls: OrderedDict[int, WebhookCall] = OrderedDict()
        self._behaviour = behaviour

    def view(self) -> View:
        """A copy that stays as it is."""
        with self.lock:
            calls = tuple(reversed(self._calls.values()))
            return View(
                self._revision,
                MappingProxyType(dict(self._integrations)),
                MappingProxyType(dict(self._strategies)),
                self._behaviour,
                calls,
            )

    def await_change(self, revision: int, seconds: float) -> View:
        """What there is as soon as it is no longer `revision`, or after so many seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._revision != revision, seconds)
            return self.view()

    def number(self, of: str) -> int:
        """1, 2, 3 ... for each kind of thing."""
        with self.lock:
            self._numbers[of] = self._numbers.get(of, 0) + 1
            return self._numbers[of]

    def timestamp_ms(self) -> int:
        """Now, and always later than what was said last."""
        with self.lock:
            self._last_ms = max(self._last_ms + 1, time.time_ns() // 1_000_000)
            return self._last_ms

    def integration(self, id_: str) -> Integration:
        """Raises NotPossible if there is none."""
        with self.lock:
            return _found(self._integrations, id_, "integration")

    def strategy(self, id_: str) -> SimulatedStrategy:
        """Raises NotPossible if there is none."""
        with self.lock:
            return _found(self._strategies, id_, "strategy")

    def put_integration(self, integration: Integration) -> None:
        """Adds it, or replaces the one of its id. Raises NotPossible when there are too many."""
        with self._changing():
            _put(self._integrations, integration.id, integration, MOST_INTEGRATIONS)
            self._save()

    def put_strategy(self, strategy: SimulatedStrategy) -> None:
        """Adds it, or replaces the one of its id. Raises NotPossible when there are too many."""
        with self._changing():
            _put(self._strategies, strategy.id, strategy, MOST_STRATEGIES)
            self._save()

    def put_behaviour(self, behaviour: Misbehaviour) -> None:
        """How the sender behaves from now on."""
        with self._changing():
            self._behaviour = behaviour

    def call_began(self, call: WebhookCall) -> None:
        """Remembers a call; the oldest is forgotten when there are too many."""
        with self._changing():
            self._calls[call.id] = call
            while len(self._calls) > MOST_CALLS:
                self._calls.popitem(last=False)

    def call_ended(
        self, id_: int, took: float, judgement: NotificationVerdict, answer: WebhookAnswer | None, failure: str
    ) -> None:
        """Notes how a call ended, unless it is forgotten by now. `took` in seconds."""
        with self._changing():
            if id_ in self._calls:
                self._calls[id_] = replace(
                    self._calls[id_], took=took, judgement=judgement, answer=answer, failure=failure
                )

    def _save(self) -> None:
        if self._keep is not None:
            snapshot.save(self._keep, self._integrations.values(), self._strategies.values())

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._changed:
            yield
            self._revision += 1
            self._changed.notify_all()


def _found(things: Mapping[str, T], id_: str, kind: str) -> T:
    if id_ not in things:
        raise NotPossible(f"There is no such {kind}.")
    return things[id_]


def _put(things: dict[str, T], id_: str, thing: T, most: int) -> None:
    if id_ not in things and len(things) >= most:
        raise NotPossible(f"There are {most} already; that is the most that the simulator keeps.")
    things[id_] = thing
