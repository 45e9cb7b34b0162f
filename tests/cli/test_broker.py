"""`proquant-bridge broker`: a real far end is tried, honest and dishonest ones, and the paper broker is served."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from shared.database.engine import Sessions
from tests.cli.runner import BRIDGE, Cli
from tests.contract.rest_bench import TOKEN, RestBench
from tests.simulators.server import Answer, Call, Simulator
from tests.support.eventually import eventually
from workers.brokers.base import Dedupe
from workers.brokers.live_or_practice import may_be_real
from workers.brokers.paper.books import accepted_orders
from workers.brokers.rest.broker import RestBroker


@pytest.fixture
def far_end(database_url: str) -> Iterator[Simulator]:
    """The reference implementation, over real HTTP."""
    with RestBench(database_url, Dedupe.LIFETIME) as bench:
        yield bench.far_end()


def http(url: str, token: str = TOKEN) -> list[str]:
    return ["--kind", "http", "--setting", f"base_url={url}", "--setting", f"token={token}"]


def outcomes(printed: str) -> dict[str, str]:
    return {each["number"]: each["outcome"] for each in json.loads(printed)}


def test_reading_sends_nothing(cli: Cli, far_end: Simulator) -> None:
    done = cli("broker", "check", *http(far_end.url), "--json")
    assert done.exit_code == 0, done.output
    assert set(outcomes(done.stdout).values()) == {"passed"}
    assert len(outcomes(done.stdout)) == 12
    assert {call.method for call in far_end.calls} == {"GET"}


def test_a_trade_opens_and_closes_the_smallest_quantity(cli: Cli, far_end: Simulator) -> None:
    done = cli("broker", "check", *http(far_end.url), "--trade", "XAUUSD", "--live", "--yes", "--json")
    assert done.exit_code == 0, done.output
    assert set(outcomes(done.stdout).values()) == {"passed"}
    assert "CK-28" in outcomes(done.stdout)
    sent = [(call.body["side"], call.body["leg"], call.body["quantity"]) for call in far_end.calls if call.body]
    assert sent == [("BUY", "open", "1"), ("BUY", "open", "1"), ("SELL", "close", "1")]
    assert sent[0] == sent[1], "the second is the first, sent again"


@pytest.mark.parametrize("arguments", [[], ["--yes"]])
def test_what_may_be_real_money_is_not_traded_without_a_word(
    cli: Cli, far_end: Simulator, arguments: list[str]
) -> None:
    done = cli("broker", "check", *http(far_end.url), "--trade", "XAUUSD", *arguments)
    assert done.exit_code == 2
    assert "--live" in done.stderr
    assert far_end.calls == []


def test_a_trade_that_is_not_confirmed_is_not_made(cli: Cli, far_end: Simulator) -> None:
    done = cli("broker", "check", *http(far_end.url), "--trade", "XAUUSD", "--live")
    assert done.exit_code == 1
    assert "REAL MONEY" in done.stderr
    assert far_end.calls == []


def test_a_wrong_token_fails_case_by_case(cli: Cli, far_end: Simulator) -> None:
    done = cli("broker", "check", *http(far_end.url, "wrong"), "--json")
    assert done.exit_code == 1
    reasons = {each["number"]: each["reason"] for each in json.loads(done.stdout)}
    assert "token" in reasons["CK-02"]
    assert TOKEN not in done.output


def test_a_far_end_that_breaks_the_contract_is_told_so(cli: Cli) -> None:
    def odd(call: Call) -> Answer:
        said: dict[str, Any] = {
            "/account": {"currency": "USD", "balance": 0.1, "available": "1"},
            "/instruments": {"instruments": []},
            "/positions": {"positions": [{"symbol": "X", "quantity": "1"}, {"symbol": "X", "quantity": "2"}]},
            "/market": {"open": True},
        }
        return Answer(200, said.get(call.path, {}))

    with Simulator(odd, lambda _: False).running() as simulator:
        done = cli("broker", "check", *http(simulator.url), "--json")
    said = outcomes(done.stdout)
    assert done.exit_code == 1
    assert {number for number, outcome in said.items() if outcome == "failed"} >= {"CK-02", "CK-03", "CK-08", "CK-10"}
    assert said["CK-05"] == "skipped"


def test_an_order_whose_end_nobody_knows_is_told_loudly(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from workers.brokers.conformance import trade

    monkeypatch.setattr(trade, "PATIENCE_SECONDS", 0.0)
    listed = {"ticker": "XAUUSD", "symbol": "XAUUSD", "minimum": "1", "maximum": None, "step": "1", "currency": "USD"}
    said: dict[str, Any] = {
        "/capabilities": {"dedupe": "none", "nets_positions": True, "settle_seconds": "0"},
        "/instruments": {"instruments": [listed]},
        "/market": {"open": True},
        "/mark": {"mark": None},
        "/positions": {"positions": []},
    }

    def forgetful(call: Call) -> Answer:
        return Answer(500) if call.method == "PUT" else Answer(200, said.get(call.path, {}))

    with Simulator(forgetful, lambda _: False).running() as simulator:
        done = cli("broker", "check", *http(simulator.url), "--trade", "XAUUSD", "--live", "--yes", "--json")
    assert outcomes(done.stdout)["CK-22"] == "failed"
    assert outcomes(done.stdout)["CK-27"] == "skipped"
    assert "LOOK AT THE ACCOUNT" in done.stderr
    assert len([call for call in simulator.calls if call.method == "PUT"]) == 1


def test_an_account_of_the_paper_broker_is_tried_by_its_name(cli: Cli, token: str, sessions: Sessions) -> None:
    assert token
    done = cli("broker", "check", "--account", "demo", "--trade", "XAUUSD", "--yes", "--json")
    assert done.exit_code == 0, done.output
    assert outcomes(done.stdout)["CK-28"] == "passed"
    with sessions() as session:
        assert [order.leg for order in accepted_orders(session, "demo")] == ["open", "close"]


def test_either_an_account_or_a_kind_is_tried(cli: Cli) -> None:
    assert cli("broker", "check").exit_code == 2
    assert cli("broker", "check", "--account", "a", "--kind", "paper").exit_code == 2
    assert cli("broker", "check", "--account", "a", "--setting", "seed=1").exit_code == 2


@pytest.mark.parametrize(
    ("kind", "settings", "real"),
    [
        ("paper", {}, False),
        ("http", {"base_url": "http://localhost"}, True),
        ("somebody.else:make", {"environment": "practice"}, True),
        ("oanda", {}, False),
        ("oanda", {"environment": "live"}, True),
        ("alpaca", {"environment": "paper"}, False),
        ("alpaca", {"environment": "paper", "base_url": "https://a.proxy"}, True),
        ("binance", {"environment": "LIVE"}, True),
        ("ccxt", {}, False),
        ("ccxt", {"sandbox": "true"}, False),
        ("ccxt", {"sandbox": "false"}, True),
    ],
)
def test_only_what_is_certain_is_no_real_money(kind: str, settings: dict[str, str], real: bool) -> None:
    assert may_be_real(kind, settings) is real


def test_the_paper_broker_is_served_until_it_is_stopped(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], "DATABASE_URL": database_url}
    command = [str(BRIDGE), "broker", "serve-paper", "--port", str(port), "--setting", "hours=always", "--token", TOKEN]
    served = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        broker = RestBroker(f"http://127.0.0.1:{port}", TOKEN)
        eventually(lambda: _answers(port))
        assert broker.account().balance == Decimal(100_000)
        broker.close()
    finally:
        served.send_signal(signal.SIGTERM)
        printed, _ = served.communicate(timeout=30)
    assert TOKEN.encode() not in printed
    assert f"http://127.0.0.1:{port}".encode() in printed


def _answers(port: int) -> None:
    try:
        httpx.get(f"http://127.0.0.1:{port}/account")
    except httpx.TransportError as error:
        raise AssertionError from error
