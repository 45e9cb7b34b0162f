"""What ProQuant says of its versions: each first word and each change of it is told, once."""

import json
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from receiver.protocol_versions import VersionLog, news_of
from shared.database.engine import Sessions, make_engine, make_sessions
from shared.database.tables.alerts import Alert
from shared.domain import AlertKind, VersionStatus
from shared.proquant import envelope
from shared.proquant.request import signal_body
from tests.cli.runner import Cli
from tests.support.in_process_bridge import signal

END, LATER = datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
FINE = VersionStatus("v1", True, None)
ENDS = VersionStatus("v1", True, END)
MOVED = VersionStatus("v1", True, LATER)
ODD = VersionStatus("v1", True, None, odd=True)


@pytest.mark.parametrize(
    ("before", "now", "kinds", "words"),
    [
        (None, ENDS, ["new_version", "deprecation"], "stops sending v1 on 2030-01-01;"),
        (FINE, ENDS, ["deprecation"], "2030-01-01"),
        (ENDS, MOVED, ["deprecation"], r"2031-01-01 \(not on 2030-01-01\)"),
        (MOVED, FINE, ["deprecation"], "no longer says that v1 ends"),
        (ODD, FINE, ["deprecation"], "no longer says"),
        (FINE, ODD, ["deprecation"], "not on a date that can be read"),
        (None, FINE, ["new_version"], "for the first time"),
        (None, VersionStatus("v2", False, None), ["unknown_version"], "does not know yet"),
    ],
)
def test_a_first_word_and_each_change_is_news(
    before: VersionStatus | None, now: VersionStatus, kinds: list[str], words: str
) -> None:
    news = list(news_of(before, now, first_ever=False))
    assert [kind.value for kind, _ in news] == kinds
    assert any(re.search(words, detail) for _, detail in news)


@pytest.mark.parametrize("status", [FINE, ENDS, ODD])
def test_what_was_said_before_is_no_news(status: VersionStatus) -> None:
    assert list(news_of(status, status, first_ever=False)) == []


def test_the_first_version_ever_is_no_news() -> None:
    assert list(news_of(None, FINE, first_ever=True)) == []


def told(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return list(session.scalars(select(Alert.kind).order_by(Alert.id)))


def body(**versions: object) -> bytes:
    event = json.loads(signal_body(signal("SIGNAL_OPEN")))["v1"]["event"]
    said = {name: {"deprecation": end, "event": event} for name, end in versions.items()}
    return json.dumps(said).encode()


def test_receivers_that_hear_the_same_tell_it_once(sessions: Sessions) -> None:
    first, second = VersionLog(sessions), VersionLog(sessions)
    for receiver in (first, second, first):
        receiver.note(envelope.read(body(v1=None)))
    assert told(sessions) == []
    for receiver in (first, second, first):
        receiver.note(envelope.read(body(v1="2030-01-01", v2="2031-01-01")))
    assert told(sessions) == [AlertKind.DEPRECATION, AlertKind.UNKNOWN_VERSION, AlertKind.DEPRECATION]


def test_a_database_that_is_away_stands_in_no_ones_way_and_is_caught_up_with(sessions: Sessions) -> None:
    away = make_engine("postgresql://nobody@127.0.0.1:1/none")
    versions = VersionLog(make_sessions(away))
    said = envelope.read(body(v1="2030-01-01"))
    versions.note(said)
    away.dispose()
    versions._sessions = sessions
    versions.note(said)
    assert told(sessions) == [AlertKind.DEPRECATION]


def test_doctor_tells_of_an_end_without_a_date(cli: Cli, sessions: Sessions) -> None:
    VersionLog(sessions).note(envelope.read(body(v1="soon")))
    found = {each["check"]: each for each in json.loads(cli("doctor", "--json").stdout)}
    assert found["protocol v1"]["result"] == "warn"
    assert "not on a date that can be read" in found["protocol v1"]["seen"]
