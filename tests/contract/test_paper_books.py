"""The paper broker's books: what a checker reads in them, and that several processes may write them at once."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from shared.database.engine import Sessions
from shared.database.prepared import Link
from shared.domain import Direction, Leg, OrderState
from tests.contract.bench import PaperBench, order
from workers.brokers.base import Broker, BrokerUnavailable, Dedupe, OrderRejected, OutcomeUnknown
from workers.brokers.paper.books import accepted_orders, net_positions
from workers.brokers.paper.broker import PaperBroker
from workers.brokers.paper.prices import rate
from workers.brokers.paper.settings import parse
from workers.brokers.paper.tables import PaperBase
from workers.brokers.registry import make_broker

ACCOUNT = "shared"
MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
TWENTY_ORDERS = """
import sys
from decimal import Decimal
from shared.domain import Direction, Leg
from workers.brokers.base import OrderRequest
from workers.brokers.registry import make_broker

broker = make_broker("paper", {"database_url": sys.argv[1], "hours": "always"}, "shared")
for number in range(20):
    name = f"pq-{sys.argv[2]}-{number}"
    broker.submit(OrderRequest(name, "XAUUSD", Direction.BUY, Decimal(1), Leg.OPEN, sys.argv[2], name))
broker.close()
"""
ORDERS_ON_BOTH_SIDES_OF_A_FORK = """
import os, sys
from decimal import Decimal
from shared.domain import Direction, Leg
from workers.brokers.base import OrderRequest
from workers.brokers.registry import make_broker

broker = make_broker("paper", {"database_url": sys.argv[1], "hours": "always"}, "shared")
def trade(name):
    for number in range(10):
        broker.submit(OrderRequest(f"{name}-{number}", "XAUUSD", Direction.BUY, Decimal(1), Leg.OPEN, name, name))
trade("before")
child = os.fork()
trade("child" if child == 0 else "parent")
broker.close()
if child == 0:
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.fixture
def bench(database_url: str) -> Iterator[PaperBench]:
    with PaperBench(database_url, Dedupe.LIFETIME) as ready:
        yield ready


@pytest.fixture
def broker(database_url: str) -> Iterator[Broker]:
    made = make_broker("paper", {"database_url": database_url, "hours": "always"}, ACCOUNT)
    yield made
    made.close()


def scripted(database_url: str, script: str, account: str = ACCOUNT) -> Broker:
    return make_broker("paper", {"database_url": database_url, "hours": "always", "script": script}, account)


def python(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-W", "error", "-c", program, *arguments])


def test_the_migration_makes_the_tables_that_the_code_declares(sessions: Sessions) -> None:
    with sessions() as session:
        options = {"include_name": lambda name, kind, _: kind != "table" or name in PaperBase.metadata.tables}
        context = MigrationContext.configure(session.connection(), opts={**options, "compare_server_default": True})
        assert compare_metadata(context, PaperBase.metadata) == []


def test_accepted_orders_stand_in_the_order_of_acceptance(
    bench: PaperBench, broker: Broker, sessions: Sessions
) -> None:
    sent = [order(bench, side=side, leg=leg) for leg in Leg for side in Direction]
    for each in sent:
        broker.submit(each)
    with sessions() as session:
        accepted = accepted_orders(session, ACCOUNT)
        assert accepted_orders(session.connection(), ACCOUNT) == accepted
        assert accepted_orders(session, "nobody") == []
    assert [each.acceptance for each in accepted] == [1, 2, 3, 4]
    assert [each.client_order_id for each in accepted] == [each.client_order_id for each in sent]
    assert [(each.side, each.leg, each.strategy_id) for each in accepted] == [
        (each.side, each.leg, each.strategy_id) for each in sent
    ]
    assert [each.accepted_at for each in accepted] == sorted(each.accepted_at for each in accepted)


def test_the_net_positions_of_the_books_are_what_the_broker_says(
    bench: PaperBench, broker: Broker, sessions: Sessions
) -> None:
    broker.submit(order(bench, side=Direction.SELL))
    broker.submit(order(bench, symbol=bench.other_symbol, quantity=Decimal(1000)))
    with sessions() as session:
        net = net_positions(session, ACCOUNT)
    assert net == {"EURUSD": Decimal(1000), "XAUUSD": Decimal(-10)}
    assert {each.symbol: each.quantity for each in broker.positions()} == net


def test_refused_orders_are_not_among_the_accepted_ones(
    bench: PaperBench, database_url: str, sessions: Sessions
) -> None:
    broker = scripted(database_url, "reject:other,timeout_rejected:MarketClosed,timeout_lost,unavailable,cancelled")
    for raised in (OrderRejected, OutcomeUnknown, OutcomeUnknown, BrokerUnavailable):
        with pytest.raises(raised):
            broker.submit(order(bench))
    last = order(bench)
    broker.submit(last)
    with sessions() as session:
        accepted = accepted_orders(session, ACCOUNT)
    assert [(each.acceptance, each.client_order_id) for each in accepted] == [(1, last.client_order_id)]
    broker.close()


def test_a_working_order_has_no_time_of_finishing_until_it_is_filled(
    bench: PaperBench, database_url: str, sessions: Sessions
) -> None:
    broker, sent = scripted(database_url, "accepted"), order(bench)
    broker.submit(sent)
    with sessions() as session:
        (working,) = accepted_orders(session, ACCOUNT)
    broker.find(sent)
    with sessions() as session:
        (filled,) = accepted_orders(session, ACCOUNT)
    assert (working.state, working.finished_at) == (OrderState.ACCEPTED, None)
    assert filled.state is OrderState.FILLED
    assert filled.finished_at is not None
    assert filled.finished_at > filled.accepted_at
    broker.close()


def test_the_place_in_the_script_survives_a_restart_and_is_each_accounts_own(
    bench: PaperBench, database_url: str
) -> None:
    script = "ok,cancelled,partial:0.5"
    states = []
    for _ in range(4):
        broker = scripted(database_url, script)
        states.append(broker.submit(order(bench)).state)
        broker.close()
    other = scripted(database_url, script, "other")
    assert states == [
        OrderState.FILLED, OrderState.CANCELLED, OrderState.PARTIALLY_FILLED, OrderState.FILLED,
    ]  # fmt: skip
    assert other.submit(order(bench)).state is OrderState.FILLED
    other.close()


def test_realised_profit_goes_to_cash_in_the_accounts_currency(bench: PaperBench, database_url: str) -> None:
    days = iter([MONDAY, MONDAY + timedelta(days=1)])
    settings = parse({"account": ACCOUNT, "currency": "EUR", "hours": "always"})
    broker = PaperBroker(settings, database_url, lambda _: next(days))
    opened = broker.submit(order(bench, symbol="USDJPY", quantity=Decimal(10_000)))
    closed = broker.submit(order(bench, Leg.CLOSE, Direction.SELL, symbol="USDJPY", quantity=Decimal(10_000)))
    broker.close()
    assert opened.average_price is not None
    assert closed.average_price is not None
    yen = (closed.average_price - opened.average_price) * 10_000
    euros = yen * rate("JPY", "EUR", MONDAY + timedelta(days=1), seed=0)
    again = scripted(database_url, "")
    assert euros != 0
    assert again.account().balance == Decimal(100_000) + euros.quantize(Decimal("0.01"))
    again.close()


def test_what_fails_before_the_commit_is_proven_not_sent(
    bench: PaperBench, database_url: str, sessions: Sessions
) -> None:
    def clock_that_cuts_the_connection(link: Link) -> datetime:
        pid = link.execute(text("SELECT pg_backend_pid()")).scalar_one()
        with sessions() as other:
            other.connection().exec_driver_sql(f"SELECT pg_terminate_backend({pid}, 5000)")
        return MONDAY

    broker = PaperBroker(parse({"account": ACCOUNT}), database_url, clock_that_cuts_the_connection)
    with pytest.raises(BrokerUnavailable):
        broker.submit(order(bench))
    broker.close()
    with sessions() as session:
        assert accepted_orders(session, ACCOUNT) == []


def test_a_failing_commit_leaves_the_outcome_unknown(bench: PaperBench, broker: Broker, sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.connection().exec_driver_sql(
            "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''disk full''; END'"
        )
        session.connection().exec_driver_sql(
            "CREATE CONSTRAINT TRIGGER fails AFTER INSERT ON paper_orders DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION fail()"
        )
    with pytest.raises(OutcomeUnknown):
        broker.submit(order(bench))
    assert broker.positions() == []


def test_two_processes_at_once_lose_no_order_and_no_number(database_url: str, sessions: Sessions) -> None:
    processes = [python(TWENTY_ORDERS, database_url, name) for name in ("first", "second")]
    assert [process.wait(60) for process in processes] == [0, 0]
    with sessions() as session:
        accepted = accepted_orders(session, ACCOUNT)
        assert net_positions(session, ACCOUNT) == {"XAUUSD": Decimal(40)}
    assert [each.acceptance for each in accepted] == list(range(1, 41))
    assert [each.accepted_at for each in accepted] == sorted(each.accepted_at for each in accepted)
    for name in ("first", "second"):
        own = [each.client_order_id for each in accepted if each.strategy_id == name]
        assert own == [f"pq-{name}-{number}" for number in range(20)]


def test_a_broker_that_was_used_before_a_fork_serves_both_processes(database_url: str, sessions: Sessions) -> None:
    assert python(ORDERS_ON_BOTH_SIDES_OF_A_FORK, database_url).wait(60) == 0
    with sessions() as session:
        assert net_positions(session, ACCOUNT) == {"XAUUSD": Decimal(30)}


def test_the_connections_are_closed_with_the_last_broker(database_url: str, sessions: Sessions) -> None:
    first, second = scripted(database_url, "", "a"), scripted(database_url, "", "b")
    first.account()
    second.account()
    first.close()
    assert second.account().balance == Decimal(100_000)
    second.close()
    with sessions() as session:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        assert session.connection().exec_driver_sql(others).scalar() == 0


def test_closing_a_broker_ends_its_wait_and_the_order_is_not_sent(bench: PaperBench, database_url: str) -> None:
    settings = {"database_url": database_url, "hours": "always", "latency_ms": "10000"}
    broker = make_broker("paper", settings, ACCOUNT)
    broker.close()
    with pytest.raises(BrokerUnavailable, match="closed"):
        broker.submit(order(bench))
    assert broker.capabilities.deadline_seconds > 10
