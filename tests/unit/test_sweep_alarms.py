"""The sweeper's alarms: in the order of their times, interruptible, and a sweep in between."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy.exc import OperationalError

from shared.database.engine import Sessions
from shared.domain import EventId
from tests.support.eventually import eventually
from workers.sweep.sweeper import Sweeper


class Alarms(Sweeper):
    """Sweeps nothing, and can be told that the database is away."""

    def __init__(self, interval: float) -> None:
        super().__init__(Sessions(), self._hear, lambda _: None, "w", interval)
        self.rung: list[EventId] = []
        self.sweeps = 0
        self.away = False

    def _hear(self, event: EventId) -> bool:
        self.rung.append(event)
        return True

    def sweep(self) -> int:
        self.sweeps += 1
        if self.away:
            raise OperationalError("SELECT", {}, Exception("refused"))
        return 0


@contextmanager
def running(interval: float = 60.0) -> Iterator[Alarms]:
    sweeper = Alarms(interval)
    thread = threading.Thread(target=sweeper.run)
    thread.start()
    try:
        yield sweeper
    finally:
        sweeper.stop()
        thread.join(10)
        assert not thread.is_alive()


def soon(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_alarms_go_off_in_the_order_of_their_times() -> None:
    with running() as sweeper:
        for number, seconds in enumerate((0.3, 0.1, 0.2)):
            sweeper.wake(EventId(number), soon(seconds))

        def all_rung() -> None:
            assert sweeper.rung == [1, 2, 0]

        eventually(all_rung)


def test_an_earlier_alarm_shortens_a_wait_that_has_begun() -> None:
    with running() as sweeper:
        sweeper.wake(EventId(1), soon(30))
        sweeper.wake(EventId(2), soon(0.05))

        def rung() -> None:
            assert sweeper.rung == [2]

        eventually(rung, timeout=5)


def test_an_alarm_of_the_past_goes_off_at_once() -> None:
    with running() as sweeper:
        sweeper.wake(EventId(1), soon(-60))

        def rung() -> None:
            assert sweeper.rung == [1]

        eventually(rung, timeout=5)


def test_an_alarm_does_not_go_off_early() -> None:
    with running() as sweeper:
        due = time.monotonic() + 0.3
        sweeper.wake(EventId(1), soon(0.3))

        def rung() -> float:
            assert sweeper.rung == [1]
            return time.monotonic()

        assert eventually(rung) >= due - 0.01


def test_it_sweeps_at_its_interval_and_first_at_once() -> None:
    with running(interval=0.05) as sweeper:

        def three() -> None:
            assert sweeper.sweeps >= 3

        eventually(three)


def test_a_database_that_is_away_is_waited_for() -> None:
    with running(interval=0.05) as sweeper:
        sweeper.away = True

        def tried() -> None:
            assert sweeper.sweeps >= 2

        eventually(tried)
        sweeper.away = False
        sweeper.wake(EventId(7), soon(0))

        def rung() -> None:
            assert sweeper.rung == [7]

        eventually(rung)


def test_it_stops_soon_however_long_it_would_have_waited() -> None:
    began = time.monotonic()
    with running(interval=600) as sweeper:
        sweeper.wake(EventId(1), soon(600))
    assert time.monotonic() - began < 2


class Flooded(Alarms):
    """Each event that is rung asks to be woken again at once: some alarm is always due."""

    def _hear(self, event: EventId) -> bool:
        self.wake(event, soon(0))
        return super()._hear(event)


def test_a_flood_of_alarms_does_not_keep_the_heart_from_beating() -> None:
    sweeper = Flooded(interval=0.05)
    for number in range(20_000):  # they take longer than the shortest alarm, so that no moment is without one
        sweeper.wake(EventId(number), soon(0))
    thread = threading.Thread(target=sweeper.run)
    thread.start()
    try:
        eventually(lambda: _assert_flooded(sweeper))
        before = sweeper.sweeps, len(sweeper.rung)
        eventually(lambda: _assert_more(sweeper, *before))
    finally:
        sweeper.stop()
        thread.join(10)


def _assert_flooded(sweeper: Alarms) -> None:
    assert len(sweeper.rung) > 1000


def _assert_more(sweeper: Alarms, sweeps: int, rung: int) -> None:
    assert sweeper.sweeps > sweeps + 1
    assert len(sweeper.rung) > rung
