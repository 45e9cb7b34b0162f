"""What the sweep does besides ringing: a duty that fails keeps no other one from being done."""

from collections.abc import Callable
from typing import Any

import pytest
import structlog
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from shared.config import load
from shared.database.engine import Sessions
from shared.database.tables.events import EventRow
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import open_workshop
from workers import app
from workers.sweep import untold_refusals
from workers.sweep.duties import DutiesFailed
from workers.sweep.sweeper import Sweeper


class Duties:
    """Three of them; the second raises what it is told to."""

    def __init__(self, fault: Exception | None) -> None:
        self.done: list[str] = []
        self.enough: Callable[[], None] = lambda: None  # called with the second round
        self._fault = fault

    def first(self) -> None:
        self.done.append("first")
        if self.done.count("first") == 2:
            self.enough()

    def second(self) -> None:
        self.done.append("second")
        if self._fault is not None:
            raise self._fault

    def third(self) -> None:
        self.done.append("third")

    def sweeper(self, sessions: Sessions, interval: float = 60.0) -> Sweeper:
        duties = (self.first, self.second, self.third)
        return Sweeper(sessions, lambda _: True, lambda _: None, "worker", interval, duties=duties)


AWAY = OperationalError("SELECT", {}, Exception("refused"))


@pytest.mark.parametrize("fault", [ValueError("odd"), AWAY], ids=["a fault of ours", "no database"])
def test_a_duty_that_fails_is_named_and_those_after_it_are_done(sessions: Sessions, fault: Exception) -> None:
    duties = Duties(fault)
    with structlog.testing.capture_logs() as logged, pytest.raises(DutiesFailed, match=r"^second$"):
        duties.sweeper(sessions).sweep()
    assert duties.done == ["first", "second", "third"]
    assert [entry["duty"] for entry in logged if entry["action"] == "duty_failed"] == ["second"]


def test_duties_that_are_done_say_nothing(sessions: Sessions) -> None:
    duties = Duties(None)
    with structlog.testing.capture_logs() as logged:
        duties.sweeper(sessions).sweep()
    assert duties.done == ["first", "second", "third"]
    assert logged == []


def test_the_next_sweep_comes_after_one_that_failed(sessions: Sessions) -> None:
    duties = Duties(ValueError("odd"))
    sweeper = duties.sweeper(sessions, interval=0.01)
    duties.enough = sweeper.stop
    with structlog.testing.capture_logs() as logged:
        sweeper.run()
    assert [entry["duties"] for entry in logged if entry["action"] == "sweep_failed"] == ["second", "second"]


def test_a_worker_that_sweeps_tells_of_refusals_that_nobody_may_know(
    sessions: Sessions, database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the duties that a worker process is made with."""
    workshop = open_workshop(sessions)
    event = workshop.arrives(signal("SIGNAL_CLOSE"))
    workshop.run(event)
    with sessions.begin() as session:
        session.execute(update(EventRow).values(finished_at=EventRow.finished_at - 2 * untold_refusals.GRACE))
    made: list[Sweeper] = []

    def keep(*arguments: Any, **named: Any) -> Sweeper:
        made.append(Sweeper(*arguments, **named))
        return made[0]

    monkeypatch.setattr(app, "Sweeper", keep)
    monkeypatch.setattr(app, "_tie_to_life", lambda *_: None)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    app.make_worker(load())
    made[0].sweep()
    made[0]._sessions.kw["bind"].dispose()  # what ends with the process, elsewhere
    assert workshop.alerts() == ["late_failure"]
