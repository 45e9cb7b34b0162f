"""The checker finds nothing wrong with a bridge that works."""

import time
from decimal import Decimal

from shared.database.engine import Sessions
from shared.domain import Direction, Event
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge, lifecycle, signal
from tests.support.judge.observed import Answer, Exchange, PaperBooks
from tests.support.judge.verdict import check


def delivered(bridge: Bridge, event: Event) -> Exchange:
    """Posts the event, and notes what was answered."""
    began = time.monotonic()
    response = bridge.post(event)
    answer = Answer(response.status_code, response.data, dict(response.headers))
    return Exchange(bridge.account, event, answer, began, time.monotonic())


def test_nothing_is_wrong_after_every_kind_of_signal(sessions: Sessions, database_url: str) -> None:
    with bridges.running(sessions, database_url, grace=0.1) as bridge:
        bridge.open_account(script="ok,partial:0.5,ok,ok,reject:InsufficientFunds,timeout_accepted,timeout_lost")
        opened = signal("SIGNAL_OPEN", "p1")
        history = [
            delivered(bridge, event)
            for event in (
                lifecycle("INTEGRATION_APPROVED"),
                opened,
                opened,
                signal("SIGNAL_OPEN", "p1", quantity=Decimal(7)),
                signal("SIGNAL_OPEN", "p2"),
                signal("SIGNAL_CLOSE", "p1"),
                signal("SIGNAL_CLOSE", "p1", quantity=Decimal(3)),
                signal("SIGNAL_REOPEN", "p3", direction=Direction.SELL),
                signal("SIGNAL_REOPEN", "p4"),
                signal("SIGNAL_OPEN", "p5", quantity=Decimal("0.001")),
                signal("SIGNAL_CLOSE", "p6"),
                signal("SIGNAL_OPEN", "p7", strategy_id="s2"),
            )
        ]
        bridge.settled()
        with sessions() as session:
            found = check(session, PaperBooks(session), history, secrets=[bridge.token, bridge.secret_key])
        assert found == []
        assert [exchange.answer.status for exchange in history if exchange.answer].count(200) >= 5
