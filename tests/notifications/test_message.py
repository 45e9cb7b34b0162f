"""What a message says: short and plain, and nothing that a sender could steer it with."""

from datetime import UTC, datetime

from shared.alerts.message import LONGEST_DETAIL, AlertFacts, render
from shared.domain import AlertKind

AT = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def told(detail: str = "Nobody knows.", strategy: str | None = "Gold") -> AlertFacts:
    return AlertFacts(AlertKind.FLAT_NOT_REVERSED, detail, AT, "alice", strategy, 12)


def test_a_message_says_what_where_and_when_and_what_to_do() -> None:
    message = render(told())
    assert message.subject == "[proquant-bridge] flat not reversed: account alice, strategy Gold, event 12"
    assert message.body == "Nobody knows.\n\nWhen: 2026-01-05 12:00:00 UTC\nMore: proquant-bridge events show 12"


def test_the_last_message_of_a_day_says_so() -> None:
    assert "has had its 3 messages of today" in render(told(), last_of_day=3).body
    assert "messages of today" not in render(told()).body


def test_a_sender_can_neither_forge_lines_nor_flood() -> None:
    message = render(told("x" * 5000 + "\x1b[2J\nWhen: never", strategy="a\nSubject: b"))
    assert "\n" not in message.subject
    assert "\x1b" not in message.body
    assert len(message.body.splitlines()[0]) == LONGEST_DETAIL


def test_an_alert_of_nothing_in_particular_has_a_subject() -> None:
    assert render(AlertFacts(AlertKind.DEPRECATION, "v1 ends.", AT, None, None, None)).subject == (
        "[proquant-bridge] deprecation"
    )
