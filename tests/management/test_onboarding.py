"""A new account over the management API: its broker is asked first, and live trading must be meant."""

from typing import Any

import pytest

from tests.management.conftest import Management
from tests.simulators import oanda
from tests.simulators.oanda_books import Books


def at_oanda(url: str, books: Books, **settings: str) -> dict[str, Any]:
    chosen = {"base_url": url, "token": books.token, "account_id": books.id, **settings}
    return {"name": "alice", "broker": "oanda", "settings": chosen}


def test_right_credentials_open_an_account(manage: Management) -> None:
    books = Books(hedging=True)
    with oanda.simulated(books) as simulator:
        created = manage.json("POST", "/accounts", at_oanda(simulator.url, books), 201)
    assert created.keys() == {"account", "token", "warnings"}
    assert created["warnings"] == []
    assert [account["account"] for account in manage.json("GET", "/accounts")] == ["alice"]


def test_wrong_credentials_store_nothing(manage: Management) -> None:
    books = Books(hedging=True)
    with oanda.simulated(books) as simulator:
        answer = manage.json("POST", "/accounts", at_oanda(simulator.url, books, token="wrong-secret"), 502)
    assert answer["error"] == "broker_fault"
    assert "Insufficient authorization" in answer["detail"]
    assert "wrong-secret" not in str(answer)
    assert manage.json("GET", "/accounts") == []


@pytest.mark.parametrize("said", [{}, {"live": False}])
def test_live_trading_must_be_meant(manage: Management, said: dict[str, bool]) -> None:
    books = Books(hedging=True)
    with oanda.simulated(books) as simulator:
        wanted = at_oanda(simulator.url, books, environment="live")
        answer = manage.json("POST", "/accounts", {**wanted, **said}, 422)
        assert simulator.calls == []
        assert manage.json("GET", "/accounts") == []
        manage.json("POST", "/accounts", {**wanted, "live": True}, 201)
    assert answer["error"] == "live_not_confirmed"
    assert 'if that is meant, add --live on the command line, "live": true in a request' in answer["detail"]


@pytest.mark.parametrize("odd", ["true", "yes", None, 2])
def test_only_a_plain_yes_means_live(manage: Management, odd: object) -> None:
    answer = manage.json("POST", "/accounts", {"name": "alice", "broker": "paper", "live": odd}, 422)
    assert list(answer["fields"]) == ["live"]
