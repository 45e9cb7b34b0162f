"""`doctor` finds what must never be about events, and says of which."""

import pytest
from sqlalchemy import insert, update

from shared.database.tables.alerts import Alert
from shared.database.tables.events import EventRow
from shared.database.tables.orders import OrderRow
from tests.cli.runner import Doctor
from tests.support.in_process_bridge import Bridge, signal

CHECKS = ("legs of a flip", "refusals", "parked and told")


def test_nothing_is_found_where_nothing_is_wrong(doctor: Doctor, bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_REOPEN", "p2"))
    bridge.post(signal("SIGNAL_OPEN", "p3"))  # another is held
    bridge.settled()
    found = doctor()
    assert {check: found[check]["result"] for check in CHECKS} == dict.fromkeys(CHECKS, "ok")


def test_an_open_leg_beside_a_close_leg_that_is_not_final_is_found(doctor: Doctor, bridge: Bridge) -> None:
    bridge.post(signal("SIGNAL_REOPEN", "p2"))
    bridge.settled()
    with bridge.sessions.begin() as session:
        session.execute(update(OrderRow).where(OrderRow.event_id == 2, OrderRow.leg == "close").values(state="unknown"))
    assert doctor()["legs of a flip"]["seen"] == "opened before the close was final in event 2"


@pytest.mark.parametrize(
    ("state", "error"), [("refused", "NoSuchWord"), ("refused", None), ("done", "MarketClosed"), ("skipped", "expired")]
)
def test_a_refusal_that_is_none_of_the_known_is_found(
    doctor: Doctor, bridge: Bridge, state: str, error: str | None
) -> None:
    with bridge.sessions.begin() as session:
        session.execute(update(EventRow).values(state=state, error_type=error, refused_by=None))
    assert doctor()["refusals"]["seen"] == "refused without a known reason: event 1"


def test_a_parked_event_of_which_nobody_was_told_is_found(doctor: Doctor, bridge: Bridge) -> None:
    with bridge.sessions.begin() as session:
        session.execute(update(EventRow).values(state="parked", finished_at=None))
    assert doctor()["parked and told"]["seen"] == "parked, and nobody was alerted of event 1"
    with bridge.sessions.begin() as session:
        session.execute(insert(Alert).values(kind="parked", detail="Look.", event_id=1))
    assert doctor()["parked and told"]["result"] == "ok"
