"""The words in which a channel tells of an alert: short, plain, and made of named fields only. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime

from shared.domain import AlertKind

LONGEST_DETAIL = 600  # characters; a short message is read, and some channels refuse a long one


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """What a message is made from, and nothing besides. `account`, `strategy`: names, None where there is none."""

    kind: AlertKind
    detail: str
    at: datetime
    account: str | None
    strategy: str | None
    event: int | None


@dataclass(frozen=True, slots=True)
class Message:
    """A subject of one line, and a few lines below it."""

    subject: str
    body: str


def render(facts: AlertFacts, last_of_day: int | None = None) -> Message:
    """The message of an alert. `last_of_day`: the channel's cap, where this is the last message before tomorrow."""
    about = ", ".join(_about(facts))
    subject = f"[proquant-bridge] {facts.kind.replace('_', ' ')}" + (f": {about}" if about else "")
    lines = [_plain(facts.detail, LONGEST_DETAIL), "", f"When: {facts.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"]
    if facts.event is not None:
        lines.append(f"More: proquant-bridge events show {facts.event}")
    if last_of_day is not None:
        lines += ["", f"This channel has had its {last_of_day} messages of today: it gets no more before 00:00 UTC."]
        lines += ["Whatever comes is in: proquant-bridge alerts list"]
    return Message(subject, "\n".join(lines))


TEST = Message("[proquant-bridge] test", "This is a test. Alerts of the bridge will come this way.")


def _about(facts: AlertFacts) -> list[str]:
    named = (("account", facts.account), ("strategy", facts.strategy))
    about = [f"{what} {_plain(name, 64)}" for what, name in named if name]
    return about + ([f"event {facts.event}"] if facts.event is not None else [])


def _plain(text: str, longest: int) -> str:
    """One line without control characters: what a sender chose must not make lines, or steer what shows it."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return line if len(line) <= longest else line[: longest - 3] + "..."
