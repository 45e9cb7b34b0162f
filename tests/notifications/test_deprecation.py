"""The end of a version is told once a day when it is near, and not while a version without an end comes too."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from shared.database.engine import Sessions
from shared.database.tables.alerts import Alert
from shared.database.tables.events import ProtocolVersion
from workers.sweep import deprecation_warnings

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


def seen(sessions: Sessions, version: str, days: int | None, supported: bool = True) -> None:
    end = None if days is None else NOW + timedelta(days=days)
    with sessions.begin() as session:
        session.execute(insert(ProtocolVersion).values(version=version, supported=supported, deprecation=end))


def told(sessions: Sessions, after: timedelta = timedelta()) -> list[str]:
    with sessions.begin() as session:
        deprecation_warnings.warn(session, NOW + after, 30)
    with sessions() as session:
        return list(session.scalars(select(Alert.detail).order_by(Alert.id)))


def test_an_end_that_is_near_is_told_once_a_day(sessions: Sessions) -> None:
    seen(sessions, "v1", 10)
    assert told(sessions) == ["ProQuant stops sending v1 on 2026-01-15, in 10 days; upgrade before that day."]
    assert len(told(sessions, timedelta(hours=23))) == 1
    assert len(told(sessions, timedelta(hours=25))) == 2


@pytest.mark.parametrize(("days", "supported"), [(31, True), (None, True), (3, False)])
def test_what_is_far_has_no_end_or_is_not_read_is_not_told(sessions: Sessions, days: int, supported: bool) -> None:
    seen(sessions, "v1", days, supported)
    assert told(sessions) == []


def test_an_end_that_is_past_is_told(sessions: Sessions) -> None:
    seen(sessions, "v1", -3)
    assert told(sessions) == ["ProQuant may have stopped sending v1 on 2026-01-02; upgrade now."]


def test_nobody_is_bothered_while_a_version_without_an_end_is_read_too(sessions: Sessions) -> None:
    seen(sessions, "v1", 3)
    seen(sessions, "v2", None)
    assert told(sessions) == []
