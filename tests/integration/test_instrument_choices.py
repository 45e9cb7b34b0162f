"""What the instruments file says is what is traded: from the receiver's check to the broker's books and back."""

import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from celery import Celery
from structlog.testing import capture_logs

from shared.accounts import accounts, instrument_file, instruments
from shared.accounts.instrument_choices import InstrumentFile
from shared.database.engine import Sessions
from shared.domain import AccountId, Direction
from shared.ledger import reconciliation
from shared.ledger.drift import Agreement
from shared.queue.doorbell import REFRESH_TASK
from tests.support.factories import GOLD, NEVER
from tests.support.in_process_bridge import Bridge, signal
from tests.support.worker_harness import WorkerHarness, open_workshop
from workers.brokers.account_brokers import AccountBrokers
from workers.brokers.net_positions import net_positions
from workers.sweep.queue_activity import QueueActivity
from workers.tasks import register

FILE = """
[brokers.paper.tickers]
SPX = "US500"
[accounts.alice.limits.SPX]
maximum = 5
step = "0.5"
"""


def account_of(bridge: Bridge) -> AccountId:
    with bridge.sessions() as session:
        return AccountId(accounts.named(session, bridge.account).id)


def refresh(bridge: Bridge, text: str) -> list[str]:
    """A worker with this file refreshes the account's instruments; returns the warnings of its log."""
    app = Celery("test", set_as_current=False)
    adapters = AccountBrokers(bridge.sessions, bridge.secret_key)
    bench = WorkerHarness(bridge.sessions, account_of(bridge)).bench()
    register(app, bridge.sessions, bench, adapters, QueueActivity(1), "worker", instrument_file.parse(text))
    with capture_logs() as lines:
        app.tasks[REFRESH_TASK](account_of(bridge))
    adapters.close()
    return [line["why"] for line in lines if line["log_level"] == "warning"]


def answer(bridge: Bridge, type_: str, position: str = "p1", **values: object) -> tuple[int, str]:
    got = bridge.post(signal(type_, position, **values))
    return got.status_code, (got.get_json(silent=True) or {}).get("type", "")


def test_a_chosen_ticker_is_opened_flipped_closed_and_reconciled_under_the_brokers_symbol(bridge: Bridge) -> None:
    assert refresh(bridge, FILE) == []
    assert answer(bridge, "SIGNAL_OPEN", ticker="SPX", quantity=Decimal("2.5")) == (200, "")
    assert [(held.ticker, held.symbol) for held in bridge.open_positions()] == [("SPX", "US500")]
    flip = {"ticker": "SPX", "quantity": Decimal(1), "direction": Direction.SELL}
    assert answer(bridge, "SIGNAL_REOPEN", "p2", **flip) == (200, "")
    assert bridge.net() == {"US500": Decimal(-1)}
    assert _look(bridge) is Agreement.AGREES
    assert answer(bridge, "SIGNAL_CLOSE", "p2", ticker="SPX", quantity=Decimal(1)) == (200, "")
    assert [order.symbol for order in bridge.orders()] == ["US500"] * 4
    assert bridge.open_positions() == []


def _look(bridge: Bridge) -> Agreement | None:
    adapters = AccountBrokers(bridge.sessions, bridge.secret_key)
    seen = reconciliation.reconcile(
        bridge.sessions, account_of(bridge), lambda: net_positions(adapters.of(account_of(bridge)))
    )
    adapters.close()
    return seen.result


@pytest.mark.parametrize("ticker", ["SPX", "US500"])
@pytest.mark.parametrize(("quantity", "error"), [("5.5", "QuantityTooHigh"), ("0.25", "InvalidQuantityPrecision")])
def test_a_tightened_limit_refuses_under_every_name_and_nothing_is_sent(
    bridge: Bridge, ticker: str, quantity: str, error: str
) -> None:
    refresh(bridge, FILE)
    assert answer(bridge, "SIGNAL_OPEN", ticker=ticker, quantity=Decimal(quantity)) == (422, error)
    assert bridge.orders() == []


def test_a_reopen_over_a_tightened_limit_closes_and_is_refused_by_the_worker(bridge: Bridge) -> None:
    refresh(bridge, FILE)
    assert answer(bridge, "SIGNAL_OPEN", ticker="SPX", quantity=Decimal(5)) == (200, "")
    flip = {"ticker": "SPX", "quantity": Decimal(6), "direction": Direction.SELL}
    assert answer(bridge, "SIGNAL_REOPEN", "p2", **flip) == (422, "QuantityTooHigh")
    assert bridge.net() == {}


def test_a_limit_that_was_tightened_meanwhile_does_not_keep_a_position_from_being_closed(bridge: Bridge) -> None:
    assert answer(bridge, "SIGNAL_OPEN", quantity=Decimal(10)) == (200, "")
    refresh(bridge, "[accounts.alice.limits.XAUUSD]\nmaximum = 2")
    assert answer(bridge, "SIGNAL_CLOSE", quantity=Decimal(10)) == (200, "")
    assert bridge.net() == {}


def test_a_symbol_that_is_not_listed_is_a_warning_and_its_ticker_unsupported(bridge: Bridge) -> None:
    assert refresh(bridge, '[accounts.alice.tickers]\nXAUUSD = "GC"') == [
        "XAUUSD is to be GC, which the broker does not list"
    ]
    assert answer(bridge, "SIGNAL_OPEN") == (422, "UnsupportedInstrument")
    assert answer(bridge, "SIGNAL_OPEN", ticker="EURUSD", quantity=Decimal(10)) == (200, "")


def test_limits_of_another_account_do_not_matter(bridge: Bridge) -> None:
    refresh(bridge, "[accounts.bob.limits.XAUUSD]\nmaximum = 2")
    assert answer(bridge, "SIGNAL_OPEN", quantity=Decimal(10)) == (200, "")


def test_a_position_is_closed_at_its_own_market_when_its_ticker_means_another_symbol_by_now(sessions: Sessions) -> None:
    workshop = open_workshop(sessions)
    workshop.run(workshop.arrives(signal("SIGNAL_OPEN")))
    with sessions.begin() as session:
        instruments.replace(session, workshop.account, [replace(GOLD, symbol="SHUT", hours=NEVER)])
    workshop.run(workshop.arrives(signal("SIGNAL_CLOSE")))
    assert workshop.states() == ["done", "done"]
    assert [order.symbol for order in workshop.broker.submitted] == [GOLD.symbol] * 2


def test_two_refreshes_at_once_leave_one_list(sessions: Sessions) -> None:
    account = open_workshop(sessions).account

    def replace_all() -> None:
        with sessions.begin() as other:
            instruments.replace(other, account, [GOLD])
        done.append(True)

    done: list[bool] = []
    second = threading.Thread(target=replace_all)
    with sessions.begin() as session:
        instruments.replace(session, account, [GOLD])
        second.start()
        second.join(0.3)  # it waits for this transaction, or it would have failed with the same key
        assert done == []
    second.join(10)
    assert done == [True]
    with sessions() as session:
        assert instruments.of_account(session, account) == {"XAUUSD": GOLD}


def test_without_a_file_nothing_changes(bridge: Bridge) -> None:
    with bridge.sessions() as session:
        before = instruments.of_account(session, account_of(bridge))
    assert refresh(bridge, "") == []
    with bridge.sessions() as session:
        assert instruments.of_account(session, account_of(bridge)) == before
    assert instrument_file.parse("") == InstrumentFile()
