"""From a signal that fails after its 200 to a webhook that hears of it: the real sweep, the real Apprise, real HTTP."""

import json
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select

from shared.alerts.rules import Channel, RoutingRule, Rules
from shared.database.engine import Sessions
from shared.database.tables.alerts import DeliveryRow
from tests.cli.server import LoopbackServer
from tests.support import in_process_bridge as bridges
from tests.support.eventually import eventually
from tests.support.in_process_bridge import signal
from workers.sweep.alert_delivery import Notifier
from workers.sweep.sweeper import Sweeper


def test_a_failure_after_the_200_reaches_a_person(
    sessions: Sessions, database_url: str, server: LoopbackServer
) -> None:
    url = server.url.replace("http://", "json://")
    rules = Rules(timedelta(minutes=10), {"ops": Channel("ops", url, 5)}, (RoutingRule(None, None, ("ops",)),))
    notifier = Notifier(sessions, rules)
    with bridges.running(sessions, database_url, wait=0) as bridge:
        bridge.open_account()
        assert bridge.post(signal("SIGNAL_OPEN", "p1", quantity=Decimal(10**9))).status_code == 422
        assert bridge.post(signal("SIGNAL_CLOSE", "p1")).status_code == 200
        bridge.settled()
        sweeper = Sweeper(sessions, lambda _: True, lambda _: None, "test-worker", 60, duties=(notifier.notify,))
        sweeper.sweep()

        def told() -> None:
            assert [row.state for row in _deliveries(sessions)] == ["sent"]

        eventually(told)
    notifier.close()
    (asked,) = server.asked
    said = json.loads(asked.body)
    assert said["title"] == "[proquant-bridge] late failure: account alice, strategy Gold, event 1"
    assert "PositionNotFound" in said["message"]
    assert "proquant-bridge events show 1" in said["message"]
    assert bridge.token not in asked.body.decode()


def _deliveries(sessions: Sessions) -> list[DeliveryRow]:
    with sessions() as session:
        return list(session.scalars(select(DeliveryRow)))
