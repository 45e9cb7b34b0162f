"""What a worker remembers of the events that it has ended."""

from shared.domain import EventId
from workers.execution.recently_finished import RecentlyEnded


def test_one_doorbell_of_an_ended_event_is_spared_and_the_next_is_answered() -> None:
    ended = RecentlyEnded()
    ended.add(EventId(1))
    assert [ended.forget(EventId(number)) for number in (1, 1, 2)] == [True, False, False]


def test_the_oldest_is_forgotten_first() -> None:
    ended = RecentlyEnded(most=2)
    for number in (1, 2, 3):
        ended.add(EventId(number))
    assert [ended.forget(EventId(number)) for number in (1, 2, 3)] == [False, True, True]
