"""GET /metrics: figures of the whole bridge, from cheap queries, kept for a moment, without a name or a token."""

from datetime import timedelta

from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import insert

from receiver.app import make_routes
from receiver.metric_descriptions import DESCRIPTIONS, PREFIX
from receiver.metrics import CACHE_SECONDS, Metrics
from shared.database.clock import database_clock
from shared.database.engine import Sessions, make_engine, make_sessions
from shared.database.tables.events import ProtocolVersion
from shared.database.tables.workers import Worker
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge, signal


class Clock:
    """A monotonic clock that the test puts forward."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def figures(page: bytes) -> dict[str, float]:
    return {
        " ".join([sample.name.removeprefix("proquant_bridge_"), *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_the_page_tells_of_events_workers_versions_and_alerts(sessions: Sessions, database_url: str) -> None:
    with bridges.running(sessions, database_url) as bridge:
        token = bridge.open_account()
        assert bridge.post(signal("SIGNAL_OPEN", "p1")).status_code == 200
        assert bridge.post(signal("SIGNAL_OPEN", "p2")).status_code == 409
        bridge.settled()
        _a_version_that_ends(bridge, days=10)
        page = Metrics(sessions, 5, 30).page()
    seen = figures(page)
    assert seen["database_up"] == 1
    assert (seen["events done"], seen["events refused"], seen["events executing"]) == (1, 1, 0)
    assert seen["workers_alive"] == 1
    assert 9.9 < seen["deprecation_days_left v9"] < 10.1
    assert (seen["alerts_open deprecation"], seen["alerts_open parked"]) == (1, 0)
    assert seen["deliveries pending"] == 0
    assert token not in page.decode()
    assert "alice" not in page.decode()


def test_the_page_has_the_metrics_that_are_described_and_no_other(sessions: Sessions) -> None:
    families = text_string_to_metric_families(Metrics(sessions, 5, 30).page().decode())
    assert {(family.name, family.documentation) for family in families} == {
        (f"{PREFIX}_{description.name}", description.words) for description in DESCRIPTIONS
    }


def _a_version_that_ends(bridge: Bridge, days: int) -> None:
    with bridge.sessions.begin() as session:
        end = database_clock(session) + timedelta(days=days)
        session.execute(insert(ProtocolVersion).values(version="v9", supported=True, deprecation=end))


def test_the_page_is_kept_for_a_moment(sessions: Sessions) -> None:
    clock = Clock()
    metrics = Metrics(sessions, 5, 30, clock)
    before = metrics.page()
    with sessions.begin() as session:
        session.execute(insert(Worker).values(name="w"))
    assert metrics.page() == before
    clock.now += CACHE_SECONDS + 1
    assert figures(metrics.page())["workers_alive"] == 1


def test_a_database_that_is_away_is_a_figure() -> None:
    away = make_engine("postgresql://nobody@127.0.0.1:1/none")
    assert figures(Metrics(make_sessions(away), 5, 30).page()) == {"database_up": 0}
    away.dispose()


def test_the_page_is_there_when_it_is_asked_for_and_not_otherwise(sessions: Sessions, database_url: str) -> None:
    with bridges.running(sessions, database_url) as bridge:
        assert bridge.client.get("/metrics").status_code == 404
    desk = None
    app = make_routes(desk, 5, Metrics(sessions, 5, 30))  # type: ignore[arg-type]  # the page needs no desk
    answer = app.test_client().get("/metrics")
    assert answer.status_code == 200
    assert answer.content_type.startswith("text/plain; version=0.0.4")
    assert figures(answer.data)["database_up"] == 1
