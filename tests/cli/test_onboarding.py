"""A new account's broker is asked first: what it says is shown, and what it refuses is not stored."""

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from click.testing import Result
from sqlalchemy import select

from shared.database.engine import Sessions
from shared.database.tables.accounts import Account
from tests.cli.runner import Cli
from tests.contract import binance_bench
from tests.contract.rest_bench import TOKEN, RestBench
from tests.simulators import alpaca, oanda
from tests.simulators.binance.exchange import Exchange
from tests.simulators.oanda_books import Books
from tests.simulators.server import Simulator
from workers.brokers.base import Dedupe

Check = Callable[[Result, str], None]
LOCAL = "practice or live, which nobody can tell of an address on this machine"
NETTING = "netting, strategies cannot hold opposite sides of one symbol"


def create(kind: str, **settings: str) -> list[str]:
    pairs = [word for key, value in settings.items() for word in ("--setting", f"{key}={value}")]
    return ["accounts", "create", "alice", "--broker", kind, *pairs]


def at_oanda(simulator: Simulator, books: Books, **more: str) -> list[str]:
    settings = {"base_url": simulator.url, "token": books.token, "account_id": books.id, **more}
    return create("oanda", **settings)


@pytest.fixture
def books() -> Books:
    return Books(hedging=True)


@pytest.fixture
def simulator(books: Books) -> Iterator[Simulator]:
    with oanda.simulated(books) as serving:
        yield serving


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def stored(sessions: Sessions) -> list[str]:
    with sessions() as session:
        return list(session.scalars(select(Account.name)))


@pytest.mark.parametrize(
    ("hedging", "said"),
    [(True, "hedging, each strategy's positions stand apart"), (False, NETTING)],
)
def test_an_oanda_account_is_shown_as_hedging_or_netting(cli: Cli, hedging: bool, said: str) -> None:
    books = Books(hedging=hedging)
    with oanda.simulated(books) as simulator:
        created = cli(*at_oanda(simulator, books))
    assert created.exit_code == 0, created.output
    found, counted, token = created.stdout.splitlines()
    assert found == f"Found at oanda: {LOCAL}; in USD; {said}; 3 instruments."
    assert counted == "Created the account alice with 3 instruments."
    assert token.startswith("Its token, shown only now: ")


def test_an_account_is_asked_for_before_its_instruments(cli: Cli, simulator: Simulator, books: Books) -> None:
    assert cli(*at_oanda(simulator, books)).exit_code == 0
    asked = [call.path.rpartition("/")[2] for call in simulator.calls]
    assert asked.index("summary") < asked.index("instruments")
    assert {call.method for call in simulator.calls} == {"GET"}


def test_with_json_what_was_found_goes_to_standard_error(cli: Cli, simulator: Simulator, books: Books) -> None:
    created = cli(*at_oanda(simulator, books), "--json")
    assert json.loads(created.stdout).keys() == {"account", "token"}
    assert "hedging" in created.stderr
    assert books.token not in created.output


@contextmanager
def _alpaca(right: bool) -> Iterator[tuple[list[str], Simulator]]:
    secret = alpaca.SECRET_KEY if right else "wrong-secret"
    with Simulator(alpaca.Alpaca(), alpaca.is_order).running() as simulator:
        yield create("alpaca", base_url=simulator.url, key_id=alpaca.KEY_ID, secret_key=secret), simulator


@contextmanager
def _binance(right: bool) -> Iterator[tuple[list[str], Simulator]]:
    exchange = Exchange()
    with Simulator(exchange.answer, binance_bench.is_order).running() as simulator:
        settings = binance_bench.settings_of(exchange, simulator.url)
        yield create("binance", **settings | ({} if right else {"api_secret": "wrong-secret"})), simulator


@contextmanager
def _oanda(right: bool) -> Iterator[tuple[list[str], Simulator]]:
    books = Books(hedging=False)
    with oanda.simulated(books) as simulator:
        yield at_oanda(simulator, books, **({} if right else {"token": "wrong-secret"})), simulator


BROKERS = {"alpaca": _alpaca, "binance": _binance, "oanda": _oanda}


@pytest.mark.parametrize(
    ("kind", "account", "positions"),
    [
        ("alpaca", "margin account in USD", NETTING),
        ("binance", "in USDT", NETTING),
        ("oanda", "in USD", NETTING),
    ],
)
def test_right_credentials_open_an_account(cli: Cli, kind: str, account: str, positions: str) -> None:
    with BROKERS[kind](True) as (command, _):
        created = cli(*command)
    assert created.exit_code == 0, created.output
    assert f"; {account}; {positions}; " in created.stdout
    assert len(cli.json("instruments", "list", "--account", "alice")) > 0


@pytest.mark.parametrize("kind", BROKERS)
def test_wrong_credentials_store_nothing(cli: Cli, sessions: Sessions, fails_clearly: Check, kind: str) -> None:
    with BROKERS[kind](False) as (command, simulator):
        refused = cli(*command)
    fails_clearly(refused, f"The broker {kind} did not confirm the account, and nothing was stored: ")
    assert simulator.calls, "it was the broker that refused"
    assert "wrong-secret" not in refused.output
    assert stored(sessions) == []


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("oanda", {"token": "t", "account_id": "101-004-1234567-001"}),
        ("alpaca", {"key_id": "k", "secret_key": "s"}),
        ("binance", {"api_key": "k", "api_secret": "s"}),
        ("http", {"token": "t"}),
    ],
)
def test_a_broker_that_cannot_be_reached_gets_no_account(
    cli: Cli, sessions: Sessions, fails_clearly: Check, kind: str, settings: dict[str, str]
) -> None:
    command = create(kind, base_url=f"http://127.0.0.1:{closed_port()}", **settings)
    fails_clearly(cli(*command), f"The broker {kind} did not confirm the account")
    assert stored(sessions) == []


def test_an_account_that_cannot_be_used_is_told_why(cli: Cli, sessions: Sessions, fails_clearly: Check) -> None:
    books = replace(Books(hedging=True), mt4=True)
    with oanda.simulated(books) as simulator:
        fails_clearly(cli(*at_oanda(simulator, books)), "linked to MetaTrader 4")
    assert stored(sessions) == []


def test_unchecked_creates_it_all_the_same_and_says_so(cli: Cli, sessions: Sessions) -> None:
    url = f"http://127.0.0.1:{closed_port()}"
    created = cli(*create("http", base_url=url, token="t"), "--unchecked")
    assert created.exit_code == 0, created.output
    assert "Nothing was checked" in created.stdout
    assert "Created the account alice.\n" in created.stdout
    with sessions() as session:
        (account,) = session.scalars(select(Account))
    assert account.instruments_at is None, "a worker asks for them"


def test_unchecked_asks_the_broker_nothing(cli: Cli, simulator: Simulator, books: Books) -> None:
    created = cli(*at_oanda(simulator, books), "--unchecked", "--json")
    assert json.loads(created.stdout).keys() == {"account", "token"}
    assert "Nothing was checked" in created.stderr
    assert simulator.calls == []


@pytest.mark.parametrize("unchecked", [[], ["--unchecked"]])
def test_live_trading_must_be_meant(
    cli: Cli, sessions: Sessions, simulator: Simulator, books: Books, fails_clearly: Check, unchecked: list[str]
) -> None:
    command = at_oanda(simulator, books, environment="live")
    fails_clearly(cli(*command, *unchecked), "alice may trade real money at oanda: if that is meant, add --live")
    assert simulator.calls == []
    assert stored(sessions) == []
    created = cli(*command, *unchecked, "--live")
    assert created.exit_code == 0, created.output
    assert ("LIVE, real money" in created.stdout) is not bool(unchecked)


def test_a_system_elsewhere_is_live(cli: Cli, fails_clearly: Check) -> None:
    command = create("http", base_url="https://broker.example.com", token="t")
    fails_clearly(cli(*command), "add --live")


def test_a_company_tries_its_system_on_its_own_machine(cli: Cli, database_url: str) -> None:
    with RestBench(database_url, Dedupe.LIFETIME) as bench:
        created = cli(*create("http", base_url=bench.far_end().url, token=TOKEN))
    assert created.exit_code == 0, created.output
    assert f"Found at http: {LOCAL}; in USD; netting, one position a symbol; " in created.stdout


def test_the_paper_broker_is_practice_and_is_not_asked(cli: Cli) -> None:
    created = cli(*create("paper", database_url="postgresql://127.0.0.1:1/nowhere"))
    assert created.exit_code == 0, created.output
    assert created.stdout.startswith("Found at paper: practice, no real money; netting, one position a symbol; ")


def test_the_paper_brokers_books_are_not_opened_by_a_failed_creation(cli: Cli, fails_clearly: Check) -> None:
    poor = create("paper", balance="5")
    fails_clearly(cli(*poor, BRIDGE_SECRET_KEY=""), "BRIDGE_SECRET_KEY is not set")
    assert cli(*create("paper", balance="98765")).exit_code == 0
    checked = cli.json("broker", "check", "--account", "alice")
    assert {case["outcome"] for case in checked} == {"passed"}
