"""What has happened, over the management API: a page at a time, and the same fields as the command line's."""

import pytest

from tests.management.conftest import Management
from tests.management.test_accounts import paper
from tests.support.in_process_bridge import Bridge, lifecycle, signal


@pytest.fixture(autouse=True)
def _traded(manage: Management, bridge: Bridge) -> None:
    """Five strategies have opened, one of them has closed, and one is disabled."""
    paper(manage, bridge)
    for number in range(1, 6):
        assert bridge.post(signal("SIGNAL_OPEN", f"p{number}", strategy_id=f"s{number}")).status_code == 200
    assert bridge.post(signal("SIGNAL_CLOSE", "p1", strategy_id="s1")).status_code == 200
    bridge.post(lifecycle("STRATEGY_DISABLED", "s2"))
    bridge.settled()


@pytest.mark.parametrize(("listing", "rows"), [("/events", 8), ("/orders", 6), ("/positions", 5), ("/alerts", 1)])
def test_a_listing_is_read_page_by_page_without_gaps(manage: Management, listing: str, rows: int) -> None:
    ids: list[int] = []
    before = ""
    while True:
        page = manage.json("GET", f"{listing}?account=alice&limit=2{before}")
        ids += [row["id"] for row in page["rows"]]
        if page["next_before"] is None:
            break
        assert len(page["rows"]) == 2
        before = f"&before={page['next_before']}"
    assert len(ids) == rows
    assert ids == sorted(set(ids), reverse=True)


def test_a_position_shows_exact_quantities(manage: Management) -> None:
    (open_,) = manage.json("GET", "/positions?open=true&limit=1")["rows"]
    assert (open_["strategy_id"], open_["quantity"], open_["state"]) == ("s5", "10", "open")


def test_orphans_are_listed(manage: Management) -> None:
    found = manage.json("GET", "/positions?orphaned=true")["rows"]
    assert [row["strategy_id"] for row in found] == ["s2"]
    assert [row["kind"] for row in manage.json("GET", "/alerts")["rows"]] == ["orphan"]


def test_events_are_found_by_their_state(manage: Management) -> None:
    assert len(manage.json("GET", "/events?state=done")["rows"]) == 8
    assert manage.json("GET", "/events?state=parked") == {"rows": [], "next_before": None}


def test_a_receipt_shows_the_orders_of_the_event(manage: Management) -> None:
    shown = manage.json("GET", "/events/1")
    assert shown["id"] == 1
    assert manage.json("GET", "/events/99", status=404)["error"] == "unknown_event"
    assert manage("GET", f"/events/{10**30}").status_code == 404


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "before=0", f"before={2**63}", "state=odd", "open=perhaps"]
)
def test_an_odd_query_is_refused(manage: Management, query: str) -> None:
    path = "/positions" if query.startswith("open") else "/events"
    answer = manage.json("GET", f"{path}?{query}", status=422)
    assert list(answer["fields"]) == [query.partition("=")[0]]


def test_a_listing_of_an_account_that_nobody_knows_is_not_found(manage: Management) -> None:
    for listing in ("/events", "/orders", "/positions", "/alerts", "/integrations"):
        assert manage.json("GET", f"{listing}?account=ghost", status=404)["error"] == "unknown_account"
