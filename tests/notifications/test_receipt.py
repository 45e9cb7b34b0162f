"""`events show`: the whole life of an event, what ProQuant was answered, and who was told; and nothing secret."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from receiver.answer_log import AnswerLog
from shared.accounts.orphan_policy import OUR_VERSION
from shared.database.clock import database_clock
from shared.database.schema import Base
from shared.domain import AlertKind, ErrorType, EventId
from shared.proquant.answers import accepted, reply_for
from tests.cli.runner import Cli
from tests.notifications.stage import Stage, rules
from tests.support.in_process_bridge import Bridge, signal
from tools.views import timeline


@pytest.fixture
def flipped(bridge: Bridge) -> Bridge:
    """Event 1 opened, event 2 flipped, event 3 was refused; of event 2 two channels were told, and one was away."""
    bridge.post(signal("SIGNAL_OPEN", "p1"))
    bridge.post(signal("SIGNAL_REOPEN", "p2", quantity=Decimal("2.50")))
    bridge.post(signal("SIGNAL_OPEN", "p3"))
    bridge.settled()
    answered = AnswerLog(bridge.sessions)
    answered.note(EventId(2), accepted())
    answered.flush()
    stage = Stage(bridge.sessions)
    stage.channels.down.add("ops")
    stage.alert("The new position could not be opened.", AlertKind.FLAT_NOT_REVERSED, event=EventId(2))
    stage.sweep(stage.notifier(rules("mail", "ops")))
    return bridge


def test_it_tells_the_whole_life_in_order(flipped: Bridge, cli: Cli) -> None:
    told = cli.json("events", "show", "2")["timeline"]
    whats = [entry["what"] for entry in told]
    assert whats[0] == "received, checked and stored, as number 2 of its strategy"
    story = ["taken up", "close leg: SELL 10 XAUUSD meant", "close leg: filled", "open leg: BUY 2.50 XAUUSD meant"]
    places = [next(n for n, what in enumerate(whats) if what.startswith(words)) for words in [*story, "done"]]
    assert places == sorted(places)
    assert "alert 1: flat_not_reversed" in whats
    assert "alert 1 to mail: sent" in whats
    assert told[0]["after_ms"] == 0


def test_it_tells_how_long_each_part_took(flipped: Bridge, cli: Cli) -> None:
    receipt = cli.json("events", "show", "2")
    took = receipt["milliseconds"]
    assert set(took) == {
        *("signal_to_receipt", "until_a_worker_began", "executing", "close_leg", "open_leg"),
        *("until_finished", "until_answered"),
    }
    whole = datetime.fromisoformat(receipt["finished_at"]) - datetime.fromisoformat(receipt["received_at"])
    assert took["until_finished"] == pytest.approx(whole.total_seconds() * 1000, abs=0.1)
    assert 0 < took["close_leg"] < 60_000


def test_it_tells_the_answer_and_when_it_was_given(flipped: Bridge, cli: Cli) -> None:
    (answer,) = cli.json("events", "show", "2")["answers"]
    at = answer.pop("at")
    assert datetime.fromisoformat(at).tzinfo is not None
    assert (answer["from"], answer["status"], answer["error"], answer["times"]) == ("noted", 200, None, 1)
    assert answer["last_at"] == at


def test_an_answer_that_nobody_noted_is_derived_and_said_to_be(flipped: Bridge, cli: Cli) -> None:
    (answer,) = cli.json("events", "show", "1")["answers"]
    assert (answer["from"], answer["status"], answer["error"]) == ("derived", 200, None)
    assert answer["at"] is None


def test_of_a_refusal_that_nobody_noted_no_answer_is_claimed(flipped: Bridge, cli: Cli) -> None:
    """It may have been a 200 that could not be noted, or none at all."""
    receipt = cli.json("events", "show", "3")
    assert (receipt["error_type"], receipt["refusal_told"], receipt["answers"]) == ("PositionAlreadyExists", False, [])
    answered = AnswerLog(flipped.sessions)
    answered.note(EventId(3), reply_for(ErrorType.POSITION_ALREADY_EXISTS))
    answered.flush()
    receipt = cli.json("events", "show", "3")
    (answer,) = receipt["answers"]
    assert (answer["from"], answer["status"], answer["error"]) == ("noted", 409, "PositionAlreadyExists")
    assert receipt["refusal_told"] is True


def test_it_tells_who_was_told_and_who_was_not(flipped: Bridge, cli: Cli) -> None:
    (alert,) = cli.json("events", "show", "2")["alerts"]
    assert [(each["channel"], each["state"], each["reason"]) for each in alert["deliveries"]] == [
        ("mail", "sent", None),
        ("ops", "pending", "It answered with HTTP 500."),
    ]


def test_it_fits_a_usual_terminal(flipped: Bridge, cli: Cli) -> None:
    stage = Stage(flipped.sessions)
    stage.alert("A long sentence that goes on and on. " * 12, event=EventId(2))
    text = cli("events", "show", "2").stdout
    assert max(len(line) for line in text.splitlines()) <= 100
    assert "timeline" in text


def test_it_holds_no_column_that_was_not_chosen(flipped: Bridge, cli: Cli) -> None:
    """A column that is added to the tables tomorrow is not in it, whatever it holds."""
    receipt = cli.json("events", "show", "2")
    text = json.dumps(receipt)
    with flipped.sessions() as session:
        row = session.execute(Base.metadata.tables["events"].select().filter_by(id=2)).mappings().one()
    assert row["body_hash"] not in text
    assert row["key"] not in text
    assert flipped.token not in text


def test_an_event_that_is_not_answered_yet_has_no_answer(flipped: Bridge) -> None:
    with flipped.sessions() as session:
        now = database_clock(session)
    event = {
        "version": "v1",
        "received_at": now - timedelta(seconds=5),
        "accepted_at": None,
        "state": "executing",
        "error_type": None,
        "reason": None,
    }
    assert timeline.answers(event, []) == []
    (late,) = timeline.answers({**event, "accepted_at": now, "state": "refused", "error_type": "MarketClosed"}, [])
    assert (late["status"], late["at"]) == (200, now), "ProQuant got the 200, not the refusal that came after it."
    assert timeline.answers({**event, "state": "refused", "error_type": "expired", "reason": "Too old."}, []) == []


def test_an_event_that_was_answered_at_once_tells_that_itself_and_its_redeliveries_are_noted() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    event = {"version": "v1", "received_at": at, "accepted_at": at, "state": "refused", "error_type": "MarketClosed"}
    noted = {"status": 409, "body": "{}", "first_at": at + timedelta(1), "last_at": at + timedelta(2), "times": 3}
    (first,) = timeline.answers(event, [])
    assert (first["from"], first["status"], first["at"], first["times"]) == ("row", 200, at, 1)
    assert [(told["from"], told["status"], told["times"]) for told in timeline.answers(event, [noted])] == [
        ("row", 200, 1),
        ("noted", 409, 3),
    ]


def test_an_event_of_our_own_was_answered_to_nobody() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    event = {"version": OUR_VERSION, "received_at": at, "accepted_at": at, "state": "done", "error_type": None}
    assert timeline.answers(event, []) == []
