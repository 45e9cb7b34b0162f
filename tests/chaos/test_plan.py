"""The plan of faults and the stories of the load: by seed, complete, and legal."""

from collections import Counter, defaultdict

import pytest

from shared.domain import SignalEvent
from tests.chaos.broker_faults import BrokerFault, Schedule
from tests.chaos.plan import KINDS, LASTS, plan
from tests.chaos.stories import deliveries

STRIKES = 1  # a seed whose first throw is below a half


def test_the_same_seed_makes_the_same_faults_and_signals() -> None:
    assert plan(7, 600) == plan(7, 600) != plan(8, 600)
    assert deliveries(7, 60, 10, 0) == deliveries(7, 60, 10, 0) != deliveries(8, 60, 10, 0)


def test_ten_minutes_have_more_than_a_hundred_faults_of_every_kind() -> None:
    kinds = Counter(fault.kind for fault in plan(1, 600))
    assert kinds.total() > 100
    assert kinds.keys() == set(KINDS)
    assert max(kinds.values()) - min(kinds.values()) <= 1


def test_a_fault_lasts_as_long_as_its_kind_does() -> None:
    for fault in plan(1, 600):
        shortest, longest = LASTS.get(fault.kind, (0, 0))
        assert shortest <= fault.seconds <= longest


def test_every_strategy_opens_what_it_flips_and_closes() -> None:
    stories: dict[str, list[SignalEvent]] = defaultdict(list)
    for delivery in deliveries(1, 300, 10, 1_000_000):
        if delivery.event not in stories[delivery.event.strategy_id]:
            stories[delivery.event.strategy_id].append(delivery.event)
    for story in stories.values():
        _assert_legal(sorted(story, key=lambda event: event.timestamp_ms))


def _assert_legal(story: list[SignalEvent]) -> None:
    held: SignalEvent | None = None
    seen = set()
    for event in story:
        if event.type == "SIGNAL_CLOSE":
            assert held is not None
            assert event.proquant_position_id == held.proquant_position_id
            held = None
            continue
        assert (event.type == "SIGNAL_OPEN") is (held is None)
        assert event.direction is not None
        assert held is None or event.direction.opposite is held.direction
        assert event.proquant_position_id not in seen
        seen.add(event.proquant_position_id)
        held = event
    assert len({event.timestamp_ms for event in story}) == len(story)


def test_some_events_are_delivered_twice_and_none_three_times() -> None:
    times = Counter(delivery.event for delivery in deliveries(1, 300, 10, 0))
    assert set(times.values()) == {1, 2}


@pytest.mark.parametrize("fault", list(BrokerFault))
def test_a_fault_of_the_broker_strikes_while_it_is_on(fault: BrokerFault) -> None:
    schedule = Schedule()
    schedule.begin(fault, 10.0, STRIKES)
    ask = schedule.look_up if fault in {BrokerFault.LOOKUPS_LAG, BrokerFault.LOOKUPS_FAIL} else schedule.submit
    assert ask(10.0).fault is None
    assert ask(9.0).fault is fault
    schedule.clear()
    assert ask(9.0).fault is None
