"""Lets scheduled strategies give their signals: one thread that sleeps until the next one is due, or until a change."""

import threading
import time
from collections.abc import Callable

from tools.simulator.app_user import AppUser
from tools.simulator.model import NotPossible
from tools.simulator.state import State, View

LONGEST_WAIT = 60.0


class Schedule:
    """Who is due, and when. Times in seconds of `monotonic`."""

    def __init__(self, state: State, app_user: AppUser, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._app_user = app_user
        self._monotonic = monotonic
        self._due: dict[str, tuple[float, float]] = {}  # strategy -> its pace, and when its next signal is due
        self._stopping = threading.Event()

    def start(self) -> None:
        """Runs in a thread of its own until the process ends, or `stop`."""
        threading.Thread(target=self._run, name="schedule", daemon=True).start()

    def stop(self) -> None:
        """No more signals."""
        self._stopping.set()

    def run_once(self) -> float:
        """Gives what is due; how many seconds later something is due again."""
        now = self._monotonic()
        self._follow(self._state.view(), now)
        for strategy, (every, due) in list(self._due.items()):
            if due <= now:
                self._due[strategy] = (every, max(due + every, now))
                self._tick(strategy)
        return min([LONGEST_WAIT, *(due - now for _, due in self._due.values())])

    def _run(self) -> None:
        while not self._stopping.is_set():
            revision = self._state.view().revision  # read first: a change while we are at work must not be missed
            self._state.await_change(revision, max(0.01, self.run_once()))

    def _follow(self, view: View, now: float) -> None:
        """A strategy whose pace is new begins one pace from now."""
        paces = {id_: strategy.every for id_, strategy in view.strategies.items() if strategy.every is not None}
        self._due = {
            id_: self._due[id_] if id_ in self._due and self._due[id_][0] == every else (every, now + every)
            for id_, every in paces.items()
        }

    def _tick(self, strategy: str) -> None:
        try:
            self._app_user.tick(strategy)
        except NotPossible:  # too many events wait already: this signal is left out, and the next one may fit
            return
