"""What a sender that misbehaves sends: the same for the same seed, and no more often than it was told."""

import json
from datetime import date
from decimal import Decimal

from shared.proquant import envelope
from tests.simulator.stage import INTEGRATION
from tests.support.in_process_bridge import signal
from tools.simulator.misbehaviour import WELL_BEHAVED, Misbehaviour, Plan, SentVersions, body, plan

ALL = Misbehaviour(duplicates=0.3, reordering=0.2, delay=2.0)


def test_a_sender_that_behaves_well_sends_each_event_once_in_its_turn_and_at_once() -> None:
    assert {plan(WELL_BEHAVED, 7, number) for number in range(1000)} == {Plan()}


def test_the_same_seed_misbehaves_in_the_same_way_and_another_one_in_another() -> None:
    first = [plan(ALL, 7, number) for number in range(200)]
    assert first == [plan(ALL, 7, number) for number in range(200)]
    assert first != [plan(ALL, 8, number) for number in range(200)]


def test_about_as_many_are_hit_as_was_asked_for() -> None:
    plans = [plan(ALL, 7, number) for number in range(2000)]
    assert 500 < sum(each.copies == 2 for each in plans) < 700
    assert 320 < sum(each.held_back for each in plans) < 480
    assert all(1.0 <= each.delay <= 3.0 for each in plans)


def test_one_kind_of_misbehaviour_does_not_change_whom_another_one_hits() -> None:
    alone = [plan(Misbehaviour(duplicates=0.3), 7, number).copies for number in range(200)]
    assert alone == [plan(ALL, 7, number).copies for number in range(200)]


def test_a_body_is_the_guides_own_and_its_quantity_exact() -> None:
    event = signal("SIGNAL_OPEN", quantity=Decimal("0.000000000001"))
    sent = body(event, INTEGRATION, {"x-token": "t"}, WELL_BEHAVED)
    assert envelope.read(sent).event == event
    [(version, content)] = json.loads(sent).items()
    assert (version, list(content)) == ("v1", ["deprecation", "event"])
    assert list(content["event"]) == ["timestamp", "type", "integration", "data"]
    assert content["event"]["integration"]["webhook"] == {"url": INTEGRATION.webhook_url, "headers": {"x-token": "t"}}
    assert content["deprecation"] is None


def test_versions_and_their_deprecation_are_sent_as_told() -> None:
    event = signal("SIGNAL_OPEN")
    both = Misbehaviour(versions=SentVersions.BOTH, deprecated=date(2030, 1, 1))
    read = envelope.read(body(event, INTEGRATION, {}, both))
    assert (read.event, read.unknown_versions) == (event, ("v2",))
    assert read.deprecation is not None
    assert read.deprecation.date() == date(2030, 1, 1)
    assert list(json.loads(body(event, INTEGRATION, {}, Misbehaviour(versions=SentVersions.V2)))) == ["v2"]
