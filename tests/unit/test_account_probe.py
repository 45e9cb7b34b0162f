"""Asking a broker what an account is comes to an end, whatever the broker does; and when an account counts as live."""

import threading
from collections.abc import Sequence

import pytest

from shared.accounts.instrument import Instrument
from workers.brokers.account_probe import inspect
from workers.brokers.base import AccountSummary, Broker, BrokerUnavailable
from workers.brokers.live_or_practice import MoneyKind, money_kind_of
from workers.brokers.paper.broker import make

NOWHERE = {"account": "a", "database_url": "postgresql://127.0.0.1:1/nowhere"}


class Silent:
    """A broker that answers nothing until it may; the rest of the contract is the paper broker's."""

    def __init__(self) -> None:
        self.may_answer = threading.Event()
        self._rest = make(NOWHERE)

    def __getattr__(self, name: str) -> object:
        return getattr(self._rest, name)

    def account(self) -> AccountSummary:
        self.may_answer.wait()
        raise BrokerUnavailable("too late")


class Broken(Silent):
    """A broker whose adapter has a fault."""

    def account(self) -> AccountSummary:
        raise ZeroDivisionError

    def instruments(self) -> Sequence[Instrument]:
        return []


def test_a_broker_that_never_answers_is_not_waited_for() -> None:
    silent = Silent()
    with pytest.raises(BrokerUnavailable, match="did not say within"):
        inspect(_broker(silent), "silent:make", {}, seconds=0.05)
    silent.may_answer.set()


def test_a_fault_of_an_adapter_comes_out_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError):
        inspect(_broker(Broken()), "broken:make", {})


def test_the_paper_broker_needs_no_database_to_be_inspected() -> None:
    found = inspect(make(NOWHERE), "paper", NOWHERE)
    assert (found.account, found.money_kind, found.nets_positions) == (None, MoneyKind.PRACTICE, True)
    assert "XAUUSD" in {each.ticker for each in found.instruments}


@pytest.mark.parametrize(
    ("kind", "settings", "stakes"),
    [
        ("paper", {"environment": "live"}, "practice"),
        ("oanda", {}, "practice"),
        ("oanda", {"environment": "live"}, "live"),
        ("oanda", {"environment": "live", "base_url": "http://127.0.0.1:1"}, "live"),
        ("oanda", {"environment": "practice", "base_url": "http://127.0.0.1:1"}, "local"),
        ("alpaca", {"base_url": "http://localhost:1"}, "local"),
        ("alpaca", {"base_url": "https://a.proxy"}, "live"),
        ("binance", {"environment": "testnet"}, "practice"),
        ("binance", {"base_url": "http://[::1]:1"}, "local"),
        ("binance", {"base_url": "http://[odd"}, "live"),
        ("ccxt", {}, "practice"),
        ("ccxt", {"sandbox": "false"}, "live"),
        ("ccxt", {"sandbox": "true", "base_url": "https://a.proxy"}, "live"),
        ("http", {"base_url": "http://127.0.0.1:1"}, "local"),
        ("http", {"base_url": "http://broker:1"}, "live"),
        ("http", {"base_url": "http://localhost.example.com"}, "live"),
        ("acme:make", {}, "untold"),
        ("acme:make", {"environment": "practice"}, "untold"),
        ("acme:make", {"environment": "production"}, "live"),
        ("acme:make", {"base_url": "https://acme.example.com"}, "live"),
    ],
)
def test_what_is_at_stake_is_said_by_the_settings(kind: str, settings: dict[str, str], stakes: str) -> None:
    assert money_kind_of(kind, settings) == stakes


def _broker(fake: Silent) -> Broker:
    return fake  # type: ignore[return-value]  # the rest of the contract comes by __getattr__
