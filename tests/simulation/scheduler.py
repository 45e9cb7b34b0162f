"""Runs actors one at a time, each on a stack of its own, in an order and at virtual times that the seed decides."""

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass

from greenlet import getcurrent, greenlet

TICK_SECONDS = 0.001  # every step takes some time, so that no two things happen at once
LARGEST_TRACE = 20_000


class Death(BaseException):
    """The actor's process was killed: nothing of it runs any more. No `except Exception` may catch it."""


@dataclass(eq=False)
class Actor:
    """Who runs only while the scheduler waits for it. A greenlet: threads would cost more than what they do here."""

    name: str
    until: float
    stack: greenlet
    error: BaseException | None = None


class Scheduler:
    """The only one who decides what runs next. `now`: virtual seconds since the world began.

    `stickiness`: how likely the actor that ran last runs on, which makes long and short stretches alike.
    """

    def __init__(self, rng: random.Random, stickiness: float) -> None:
        self.now = 0.0
        self.steps = 0
        self.trace: list[tuple[float, str, str]] = []
        self.failures: list[tuple[str, BaseException]] = []
        self.actors: list[Actor] = []
        self._rng = rng
        self._stickiness = stickiness
        self._stack = getcurrent()
        self._current: Actor | None = None
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    @property
    def current(self) -> str:
        """The name of the actor that runs."""
        return self._current.name if self._current else "world"

    def note(self, what: str) -> None:
        """Adds a line to the trace."""
        if len(self.trace) < LARGEST_TRACE:
            self.trace.append((self.now, self.current, what))

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Does something at a virtual time, outside of all actors."""
        heapq.heappush(self._timers, (when, next(self._numbers), action))

    def spawn(self, name: str, work: Callable[[], None]) -> None:
        """Adds an actor that is ready to run."""
        actor: Actor = Actor(name, self.now, greenlet(lambda: self._live(actor, work), self._stack))
        self.actors.append(actor)

    def pause(self, seconds: float = 0.0) -> None:
        """Called by an actor: lets others run, and goes on after so many virtual seconds at the earliest."""
        actor = self._current
        if actor is None:
            raise RuntimeError("Only an actor can pause.")
        actor.until = self.now + seconds
        self._stack.switch()

    def step(self) -> bool:
        """One stretch of one actor, up to its next pause. False when there is nothing left to wait for."""
        ready = self._ready()
        while not ready:
            if not self._skip_time():
                return False
            ready = self._ready()
        self.steps += 1
        self.now += TICK_SECONDS
        self._resume(self._choose(ready))
        return True

    def end(self) -> None:
        """Kills whoever still lives, also who pauses once more while dying. Who has not begun never will."""
        for actor in list(self.actors):
            while actor.stack:  # true from its first step to its last
                self._resume(actor, Death("The world has ended."))
        self.actors.clear()

    def _ready(self) -> list[Actor]:
        while self._timers and self._timers[0][0] <= self.now:
            heapq.heappop(self._timers)[2]()
        return [actor for actor in self.actors if actor.until <= self.now]

    def _skip_time(self) -> bool:
        times = [actor.until for actor in self.actors]
        if self._timers:
            times.append(self._timers[0][0])
        if not times:
            return False
        self.now = max(self.now, min(times))
        return True

    def _choose(self, ready: list[Actor]) -> Actor:
        last = self._current
        if last is not None and last in ready and self._rng.random() < self._stickiness:
            return last
        return ready[0] if len(ready) == 1 else self._rng.choice(ready)

    def _resume(self, actor: Actor, death: Death | None = None) -> None:
        self._current = actor
        if death is None:
            actor.stack.switch()
        else:
            actor.stack.throw(death)
        if actor.stack.dead:
            self.actors.remove(actor)
            self._current = None
            if actor.error is not None:
                self.failures.append((actor.name, actor.error))

    def _live(self, actor: Actor, work: Callable[[], None]) -> None:
        try:
            work()
        except Death:
            pass  # what a killed process leaves behind is what the others must cope with
        except BaseException as error:  # noqa: BLE001  # reported by the world: an actor must hand control back
            actor.error = error
