"""From an alert to a channel: once, not too often, whatever fails on the way, and never in the way of the sweep."""

import threading

import pytest

from shared.alerts import deliveries, routing
from shared.alerts.deliveries import MOST_ATTEMPTS
from shared.alerts.message import Message
from shared.alerts.rules import NOBODY, Channel, RoutingRule, Rules
from shared.database.engine import Sessions
from shared.domain import AlertKind
from tests.notifications.stage import Stage, rules
from tests.support.eventually import eventually
from tests.support.in_process_bridge import signal
from tests.support.worker_harness import open_workshop


@pytest.fixture
def stage(sessions: Sessions) -> Stage:
    return Stage(sessions)


def test_an_alert_comes_to_every_channel_once(stage: Stage) -> None:
    notifier = stage.notifier(rules("mail", "ops"))
    stage.alert("Look at this.")
    stage.sweep(notifier)
    stage.later(hours=1)
    stage.sweep(notifier)
    assert stage.channels.details("mail") == stage.channels.details("ops") == ["Look at this."]
    assert sorted(stage.states()) == ["mail sent", "ops sent"]


def test_only_what_the_rules_name_is_sent(stage: Stage) -> None:
    chosen = Rules(
        rules("mail").dedupe, rules("mail").channels, (RoutingRule(frozenset({AlertKind.DRIFT}), None, ("mail",)),)
    )
    notifier = stage.notifier(chosen)
    stage.alert("Parked.")
    stage.alert("Drifted.", AlertKind.DRIFT)
    stage.sweep(notifier)
    assert stage.channels.details("mail") == ["Drifted."]


def test_alerts_from_before_there_was_a_file_are_not_sent_when_there_is_one(stage: Stage) -> None:
    stage.alert("Old.")
    stage.sweep(stage.notifier(NOBODY))
    stage.alert("New.")
    stage.sweep(stage.notifier(rules("mail")))
    assert stage.channels.details("mail") == ["New."]


def test_the_same_trouble_of_a_strategy_is_told_once_in_a_while(stage: Stage, sessions: Sessions) -> None:
    shop = open_workshop(sessions)
    first, second = shop.arrives(signal("SIGNAL_OPEN", "p1")), shop.arrives(signal("SIGNAL_CLOSE", "p1"))
    other = shop.arrives(signal("SIGNAL_OPEN", "p2", strategy_id="s2"))
    notifier = stage.notifier(rules("mail", dedupe=600))
    for event, detail in ((first, "one"), (second, "two"), (other, "another strategy")):
        stage.alert(detail, account=shop.account, event=event)
    stage.alert("another kind", AlertKind.CONFLICT, shop.account, first)
    stage.sweep(notifier)
    assert stage.channels.details("mail") == ["one", "another strategy", "another kind"]
    assert "mail suppressed: duplicate" in stage.states()
    stage.later(seconds=601)
    stage.alert("again", account=shop.account, event=first)
    stage.sweep(notifier)
    assert stage.channels.details("mail")[-1] == "again"


def test_different_things_that_belong_to_no_strategy_are_not_the_same(stage: Stage) -> None:
    for detail in ("v1 ends.", "v2 ends.", "v1 ends."):
        stage.alert(detail, AlertKind.DEPRECATION)
    stage.sweep(stage.notifier(rules("mail")))
    assert stage.channels.details("mail") == ["v1 ends.", "v2 ends."]


def test_the_last_message_of_a_day_says_that_the_cap_is_reached_and_tomorrow_begins_anew(stage: Stage) -> None:
    notifier = stage.notifier(rules("mail", cap=2))
    for number in range(4):
        stage.alert(f"alert {number}")
    stage.sweep(notifier)
    bodies = [message.body for _, message in stage.channels.took]
    assert [body.splitlines()[0] for body in bodies] == ["alert 0", "alert 1"]
    assert ["has had its 2 messages" in body for body in bodies] == [False, True]
    assert stage.states().count("mail suppressed: daily_cap") == 2
    stage.later(days=1)
    stage.alert("tomorrow")
    stage.sweep(notifier)
    assert stage.channels.details("mail")[-1] == "tomorrow"


def test_a_channel_that_fails_loses_nothing_and_holds_up_no_other(stage: Stage) -> None:
    notifier = stage.notifier(rules("mail", "ops"))
    stage.channels.down.add("mail")
    stage.alert("first")
    stage.sweep(notifier)
    assert stage.channels.details("ops") == ["first"]
    assert "mail pending: It answered with HTTP 500." in stage.states()
    stage.sweep(notifier)
    assert [row.attempts for row in stage.rows() if row.channel == "mail"] == [1], "It is tried again later, not now."
    stage.channels.down.clear()
    stage.later(seconds=16)
    stage.sweep(notifier)
    assert stage.channels.details("mail") == ["first"]


def test_a_channel_that_fails_for_a_day_is_given_up_and_says_so(stage: Stage) -> None:
    notifier = stage.notifier(rules("mail"))
    stage.channels.down.add("mail")
    stage.alert("first")
    for _ in range(MOST_ATTEMPTS):
        stage.later(hours=1, seconds=1)
        stage.sweep(notifier)
    assert stage.states() == ["mail failed: It answered with HTTP 500."]
    assert stage.rows()[0].attempts == MOST_ATTEMPTS


def test_a_message_over_which_every_worker_dies_is_given_up_too(stage: Stage) -> None:
    stage.alert("first")
    with stage.sessions.begin() as session:
        routing.route(session, rules("mail"), stage.clock(session))
    claims = []
    for _ in range(MOST_ATTEMPTS + 1):
        stage.later(seconds=121)
        with stage.sessions.begin() as session:
            claims.append(deliveries.claim_next(session, "mail", stage.clock(session)))
    assert [claim is not None for claim in claims] == [True] * MOST_ATTEMPTS + [False]
    assert stage.states() == ["mail failed: Nobody could note what became of it."]


def test_a_channel_that_hangs_holds_up_neither_the_sweep_nor_the_others(stage: Stage) -> None:
    notifier = stage.notifier(rules("mail", "ops"))
    stage.channels.hung.add("mail")
    stage.alert("first")
    notifier.notify()
    assert stage.channels.hanging.wait(10)
    stage.alert("second")

    def assert_told_by_a_sweep() -> None:
        notifier.notify()  # one that finds the thread of `ops` about to end leaves what is new to the next
        _is(stage.channels.details("ops"), ["first", "second"])

    eventually(assert_told_by_a_sweep)
    assert sum(thread.name == "notify-mail" for thread in threading.enumerate()) == 1
    stage.channels.released.set()
    stage.sweep(notifier)
    stage.sweep(notifier)
    assert stage.channels.details("mail") == ["first", "second"]


def _is(seen: object, expected: object) -> None:
    assert seen == expected


def test_a_worker_that_dies_between_sending_and_noting_costs_one_message_more(stage: Stage) -> None:
    class Died(BaseException):
        """A SIGKILL, as a thread can tell of one."""

    def send_and_die(url: str, message: Message) -> None:
        stage.channels.send(url, message)
        raise Died

    stage.alert("first")
    dying = stage.notifier(rules("mail"), send_and_die)
    with stage.sessions.begin() as session:
        routing.route(session, rules("mail"), stage.clock(session))
    with pytest.raises(Died):
        dying._one(Channel("mail", "test://mail", 50))
    successor = stage.notifier(rules("mail"))
    stage.sweep(successor)
    assert stage.channels.details("mail") == ["first"], "The claim of the dead worker has not run out."
    stage.later(seconds=121)
    stage.sweep(successor)
    stage.later(seconds=121)
    stage.sweep(successor)
    assert stage.channels.details("mail") == ["first", "first"]
    assert stage.states() == ["mail sent"]


def test_a_worker_whose_claim_ran_out_notes_nothing(stage: Stage) -> None:
    stage.alert("first")
    with stage.sessions.begin() as session:
        now = stage.clock(session)
        routing.route(session, rules("mail"), now)
        slow = deliveries.claim_next(session, "mail", now)
        quick = deliveries.claim_next(session, "mail", now + 2 * deliveries.CLAIM)
        assert slow is not None
        assert quick is not None
        deliveries.sending_failed(session, slow, now, "It answered with HTTP 500.")
    assert stage.states() == ["mail pending"], "The delivery is the quick one's now."
    with stage.sessions.begin() as session:
        deliveries.sent(session, quick, now)
        deliveries.sending_failed(session, slow, now, "It answered with HTTP 500.")
    assert stage.states() == ["mail sent"]


def test_two_workers_that_route_at_once_make_one_delivery(stage: Stage) -> None:
    for number in range(20):
        stage.alert(f"alert {number}")
    barrier = threading.Barrier(4)

    def route() -> None:
        barrier.wait(10)
        with stage.sessions.begin() as session:
            routing.route(session, rules("mail", cap=7), stage.clock(session))

    threads = [threading.Thread(target=route) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(stage.rows()) == 20
    assert [row.state for row in stage.rows()].count("pending") == 7


def test_waits_grow_to_an_hour() -> None:
    waits = [deliveries.wait_after(attempt).total_seconds() for attempt in (1, 2, 3, 30)]
    assert waits == [15, 30, 60, 3600]


def test_a_notifier_that_is_closed_begins_nothing(stage: Stage) -> None:
    notifier = stage.notifier(rules("mail"))
    stage.alert("first")
    notifier.close()
    stage.sweep(notifier)
    assert stage.states() == ["mail pending"]
