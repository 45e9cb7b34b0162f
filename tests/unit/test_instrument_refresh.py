"""Stale instruments are asked for at once, and then ever more seldom while nobody can list them."""

from dataclasses import dataclass, field

from shared.domain import AccountId
from workers.sweep.instrument_refresh import InstrumentRefresh

ONE, OTHER = AccountId(1), AccountId(2)


@dataclass
class Queue:
    """What was sent into it, and when; and the clock of whoever sweeps."""

    now: float = 1000.0
    there: bool = True
    sent: list[tuple[AccountId, float, float]] = field(default_factory=list)

    def send(self, account: AccountId, life: float) -> bool:
        if self.there:
            self.sent.append((account, self.now, life))
        return self.there

    def times(self, account: AccountId) -> list[float]:
        """The seconds after the beginning at which the account was asked for."""
        return [at - 1000.0 for one, at, _ in self.sent if one == account]


def sweeps(queue: Queue, refreshing: InstrumentRefresh, stale: list[AccountId], seconds: float) -> None:
    """Sweeps every five seconds for so long."""
    for _ in range(int(seconds / 5)):
        refreshing.ask(stale)
        queue.now += 5


def test_an_account_is_asked_for_at_once_and_then_ever_more_seldom() -> None:
    queue = Queue()
    refreshing = InstrumentRefresh(queue.send, lambda: queue.now)
    sweeps(queue, refreshing, [ONE], seconds=3000)
    assert queue.times(ONE) == [0, 30, 90, 210, 450, 930, 1530, 2130, 2730]


def test_a_request_lives_until_the_next_one_may_follow() -> None:
    queue = Queue()
    sweeps(queue, InstrumentRefresh(queue.send, lambda: queue.now), [ONE], seconds=3000)
    for (_, at, life), (_, following, _) in zip(queue.sent, queue.sent[1:], strict=False):
        assert at + life == following


def test_an_account_that_was_refreshed_begins_anew() -> None:
    queue = Queue()
    refreshing = InstrumentRefresh(queue.send, lambda: queue.now)
    sweeps(queue, refreshing, [ONE], seconds=100)
    refreshing.ask([])
    queue.sent.clear()
    sweeps(queue, refreshing, [ONE], seconds=50)
    assert queue.times(ONE) == [100, 130]


def test_each_account_has_a_back_off_of_its_own() -> None:
    queue = Queue()
    refreshing = InstrumentRefresh(queue.send, lambda: queue.now)
    sweeps(queue, refreshing, [ONE], seconds=50)
    sweeps(queue, refreshing, [ONE, OTHER], seconds=50)
    assert queue.times(ONE) == [0, 30, 90]
    assert queue.times(OTHER) == [50, 80]


def test_what_could_not_be_sent_is_tried_again_at_the_next_sweep() -> None:
    queue = Queue(there=False)
    refreshing = InstrumentRefresh(queue.send, lambda: queue.now)
    sweeps(queue, refreshing, [ONE], seconds=20)
    queue.there = True
    sweeps(queue, refreshing, [ONE], seconds=20)
    assert queue.times(ONE) == [20]
