"""Does the faults of a plan when they are due, undoes those that last, and starts again what has ended."""

import heapq
import signal
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import assert_never

import httpx

from tests.chaos.broker_faults import BrokerFault
from tests.chaos.plan import OF_POSTGRES, Blow, Fault
from tests.chaos.program import Program
from tests.chaos.score import Struck
from tests.chaos.stage import Stage

CONTROL_SECONDS = 3.0


class Injection:
    """The faults of one run. To be used from the thread that has started the programs."""

    def __init__(self, stage: Stage, faults: Sequence[Fault]) -> None:
        self.struck: list[Struck] = []
        self.failed: list[str] = []  # faults that could not be done, because another one was in the way
        self._stage = stage
        self._due = list(reversed(faults))
        self._undo: list[tuple[float, int, Callable[[], None]]] = []
        self._began = time.monotonic()

    def tick(self) -> None:
        """Does what is due by now."""
        now = time.monotonic()
        while self._undo and self._undo[0][0] <= now:
            heapq.heappop(self._undo)[2]()
        self._stage.tend()
        while self._due and self._began + self._due[-1].at <= now:
            fault = self._due.pop()
            if fault.kind not in OF_POSTGRES or self._stage.postgres is not None:
                self.struck.append(Struck(fault, time.time()))
                self._do(fault)

    def finish(self) -> None:
        """Undoes everything, at once."""
        self._due.clear()
        while self._undo:
            heapq.heappop(self._undo)[2]()
        self._stage.tend()
        self._tell_broker({})

    def _do(self, fault: Fault) -> None:
        stage = self._stage
        match fault.kind:
            case BrokerFault():
                self._tell_broker({"fault": fault.kind, "seconds": fault.seconds, "seed": fault.seed})
            case Blow.WORKER_KILLED:
                stage.worker(fault.target).kill()
            case Blow.WORKER_STOPPED:
                stage.worker(fault.target).ask_to_end()
            case Blow.WORKER_FROZEN:
                self._freeze(stage.worker(fault.target), fault.seconds)
            case Blow.RECEIVER_KILLED:
                stage.programs["receiver"].kill()
            case Blow.BROKER_KILLED:
                stage.programs["broker"].kill()
            case Blow.REDIS_KILLED:
                stage.redis.crash()
            case Blow.REDIS_FROZEN:
                stage.redis.send(signal.SIGSTOP)
                self._later(fault.seconds, partial(stage.redis.send, signal.SIGCONT))
            case Blow.REDIS_FLUSHED:
                stage.redis.flush()
            case Blow.POSTGRES_CRASHED | Blow.POSTGRES_FROZEN:
                self._do_to_postgres(fault)
            case other:
                assert_never(other)

    def _do_to_postgres(self, fault: Fault) -> None:
        postgres = self._stage.postgres
        if postgres is None:
            return
        if fault.kind is Blow.POSTGRES_CRASHED:
            postgres.crash()
        else:
            postgres.freeze()
            self._later(fault.seconds, postgres.thaw)

    def _freeze(self, program: Program, seconds: float) -> None:
        frozen = program.pid
        program.signal_group(signal.SIGSTOP)

        def thaw() -> None:
            if program.pid == frozen:  # otherwise it has been killed meanwhile, and started again
                program.signal_group(signal.SIGCONT)

        self._later(seconds, thaw)

    def _later(self, seconds: float, undo: Callable[[], None]) -> None:
        heapq.heappush(self._undo, (time.monotonic() + seconds, len(self.struck), undo))

    def _tell_broker(self, members: dict[str, object]) -> None:
        try:
            httpx.post(f"{self._stage.broker_url}/faults", json=members, timeout=CONTROL_SECONDS, trust_env=False)
        except httpx.HTTPError as error:  # it was killed a moment ago, and with it all faults that it had
            self.failed.append(f"{members.get('fault', 'clear')}: {type(error).__name__}")
