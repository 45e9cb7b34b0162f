"""BTCUSD is BTCUSDT because the instruments file says so: opened and closed in the exchange's books."""

from collections.abc import Iterator
from decimal import Decimal

import pytest

from shared.accounts import accounts, instrument_file, instrument_refresh
from shared.database.engine import Sessions
from shared.domain import AccountId
from tests.contract.binance_bench import settings_of
from tests.simulators.binance.exchange import Exchange
from tests.simulators.server import Simulator
from tests.support.in_process_bridge import Bridge, running, signal
from workers.brokers.account_brokers import AccountBrokers

FILE = """
[brokers.binance.tickers]
BTCUSD = "BTCUSDT"
[accounts.alice.limits.BTCUSD]
maximum = 2
"""


@pytest.fixture
def bridge(sessions: Sessions, database_url: str, exchange: Exchange, simulator: Simulator) -> Iterator[Bridge]:
    """Its account's settings say nothing of dollars and Tether."""
    with running(sessions, database_url, lease=6.0) as ready:
        ready.open_account(kind="binance", **settings_of(exchange, simulator.url))
        yield ready


def refresh(bridge: Bridge) -> None:
    with bridge.sessions() as session:
        account = AccountId(accounts.named(session, "alice").id)
    adapters = AccountBrokers(bridge.sessions, bridge.secret_key)
    file = instrument_file.parse(FILE)
    instrument_refresh.refresh(bridge.sessions, account, adapters.of(account).instruments, file)
    adapters.close()


def test_a_chosen_ticker_is_opened_and_closed_under_the_exchanges_symbol(bridge: Bridge, exchange: Exchange) -> None:
    refresh(bridge)
    assert bridge.post(signal("SIGNAL_OPEN", ticker="BTCUSD", quantity=Decimal(2))).status_code == 200
    assert exchange.books.net == {"BTCUSDT": Decimal(2)}
    assert bridge.post(signal("SIGNAL_CLOSE", ticker="BTCUSD", quantity=Decimal(2))).status_code == 200
    assert [(each.side, each.symbol, each.filled) for each in exchange.books.orders] == [
        ("BUY", "BTCUSDT", Decimal(2)),
        ("SELL", "BTCUSDT", Decimal(2)),
    ]
    assert bridge.open_positions() == []


def test_without_the_choice_a_dollar_is_no_tether(bridge: Bridge, exchange: Exchange) -> None:
    answer = bridge.post(signal("SIGNAL_OPEN", ticker="BTCUSD", quantity=Decimal(2)))
    assert (answer.status_code, answer.get_json()["type"]) == (422, "UnsupportedInstrument")
    assert exchange.books.orders == []


def test_more_than_the_file_allows_never_reaches_the_exchange(bridge: Bridge, exchange: Exchange) -> None:
    refresh(bridge)
    for ticker in ("BTCUSD", "BTCUSDT"):
        answer = bridge.post(signal("SIGNAL_OPEN", ticker=ticker, quantity=Decimal(3)))
        assert (answer.status_code, answer.get_json()["type"]) == (422, "QuantityTooHigh")
    assert exchange.books.orders == []


def test_whether_the_market_is_open_is_asked_by_the_chosen_symbol(bridge: Bridge, exchange: Exchange) -> None:
    refresh(bridge)
    exchange.status = "SETTLING"
    answer = bridge.post(signal("SIGNAL_OPEN", ticker="BTCUSD", quantity=Decimal(1)))
    assert (answer.status_code, answer.get_json()["type"]) == (409, "MarketClosed")
