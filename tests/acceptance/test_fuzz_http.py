"""Odd bodies over HTTP: no answer that must not be, and a bridge that is as sound after them as before."""

import pytest

from shared.database.clock import database_clock
from tests.acceptance import fuzz
from tests.acceptance.live import FINISHED, Live, signal
from tests.support.eventually import eventually
from tests.support.judge import facts, verdict
from tests.support.judge.observed import PaperBooks

pytestmark = pytest.mark.acceptance

COUNT = 2000  # `make fuzz` posts fifty times as many


def test_thousands_of_odd_bodies_get_proper_answers_and_leave_everything_sound(bridge: Live) -> None:
    customer = bridge.open_account("fuzzed")
    assert fuzz.post(customer, COUNT, seed=7).returncode == 0
    assert len(customer.rows()) > COUNT // 100

    def all_are_finished() -> None:
        assert [row.state for row in customer.rows() if row.state not in FINISHED] == []

    eventually(all_are_finished, timeout=30)
    with bridge.sessions() as session:
        known, now = facts.read(session, [customer.account]), database_clock(session)
        assert verdict.judge(known, PaperBooks(session), [customer.account], [], [], now) == []

    def it_is_ready() -> None:
        reasons = bridge.http.get("/readyz").json()["reasons"]
        waiting = bridge.unfinished()  # another test's broker may be away; of this account nothing is left
        assert [reason for reason in reasons if not (waiting and "unfinished" in reason)] == []

    eventually(it_is_ready)  # a canary that waits behind a thousand events is heard late
    assert bridge.open_account("after-the-fuzz").post(signal("SIGNAL_OPEN", "p1")).status_code == 200
