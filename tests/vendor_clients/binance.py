"""Lets ccxt, a client that trades at the real exchange, read and trade at the simulated Binance; prints what it read.

Run by `make vendor-clients`, in an environment of its own: ccxt pins seventeen libraries exactly.
"""

import re
import sys
from typing import Any

import ccxt

from tests.simulators.binance.exchange import Exchange
from tests.simulators.binance.words import REFUSALS
from tests.simulators.server import Call, Simulator

GOLD = "XAU/USDT:USDT"


def main() -> None:
    """Every reply of the simulator, parsed by ccxt. Raises where one is not understood."""
    exchange = Exchange()
    with Simulator(exchange.answer, is_order).running() as simulator:
        client = make_client(exchange, simulator.url)
        read_lists(client)
        trade(client)
        meet_refusals(client, simulator)
        exchange.books.staged.append("partial:0.5")
        order = buy(client, "vendor-9", 3)
        say("partial", order["status"], order["amount"], order["filled"])


def is_order(call: Call) -> bool:
    return (call.method, call.path) == ("POST", "/fapi/v1/order")


def make_client(exchange: Exchange, url: str) -> Any:
    """ccxt's own class for USD-M futures, with its own HTTP, at the simulator's address."""
    client = ccxt.binanceusdm({"apiKey": exchange.key, "secret": exchange.secret})
    client.has["fetchCurrencies"] = False  # the wallet's API is not simulated
    client.urls["api"] = {name: re.sub(r"^https?://[^/]+", url, each) for name, each in client.urls["api"].items()}
    return client


def read_lists(client: Any) -> None:
    for symbol, market in client.load_markets().items():
        say("market", symbol, market["type"], market["contractSize"], market["precision"]["amount"], market["limits"])
    say("time", client.fetch_time() > 0)
    say("mode", client.fetch_position_mode())
    say("balance", client.fetch_balance()["USDT"])


def trade(client: Any) -> None:
    order = buy(client, "vendor-1", 10)
    say("order", order["id"], order["clientOrderId"], order["status"], order["filled"], order["average"])
    found = client.fetch_order(None, GOLD, {"clientOrderId": "vendor-1"})
    assert (found["id"], found["status"]) == (order["id"], "closed")
    (position,) = client.fetch_positions([GOLD])
    say("position", position["symbol"], position["side"], position["contracts"], position["entryPrice"])
    sold = client.create_order(GOLD, "market", "sell", 10, None, {"clientOrderId": "vendor-2", "reduceOnly": True})
    say("close", sold["status"], sold["reduceOnly"])
    assert client.fetch_positions([GOLD]) == []


def meet_refusals(client: Any, simulator: Simulator) -> None:
    simulator.faults.extend(REFUSALS.values())
    for number, name in enumerate(REFUSALS):
        try:
            buy(client, f"refused-{number}", 1)
        except ccxt.BaseError as error:
            say("refused", name, type(error).__name__, str(error))
        else:
            raise AssertionError(f"{name} was not refused")
    try:
        client.fetch_order(None, GOLD, {"clientOrderId": "nobody"})
    except ccxt.OrderNotFound as error:
        say("refused", "no such order", type(error).__name__)


def buy(client: Any, client_id: str, quantity: float) -> Any:
    return client.create_order(GOLD, "market", "buy", quantity, None, {"clientOrderId": client_id})


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


if __name__ == "__main__":
    main()
