"""Lets oandapyV20, the client that OANDA's users know, read and trade at the simulator, and prints what it understood.

Run by `make vendor-clients`, in an environment of its own. The client hands on the JSON as it is, so the fields that
its own documentation shows are asked for here by name.
"""

import sys
from typing import Any

from oandapyV20 import API
from oandapyV20.contrib.requests import ClientExtensions, MarketOrderRequest
from oandapyV20.endpoints import accounts, orders, positions, pricing, trades, transactions
from oandapyV20.exceptions import V20Error
from oandapyV20.oandapyV20 import TRADING_ENVIRONMENTS

from tests.simulators.oanda import simulated
from tests.simulators.oanda_books import CANCELLED, Books


def main() -> None:
    """Every reply of the simulator, as the client hands it on. Raises where a documented field is not there."""
    books = Books()
    with simulated(books) as simulator:
        TRADING_ENVIRONMENTS["practice"]["api"] = simulator.url
        client = API(access_token=books.token)
        read_account(client, books.id)
        since = client.request(accounts.AccountSummary(books.id))["lastTransactionID"]
        trade = open_trade(client, books.id)
        close_trade(client, books.id, trade)
        read_log(client, books.id, since)
        meet_refusals(client, books)
        client.close()


def read_account(client: API, account: str) -> None:
    (listed,) = client.request(accounts.AccountList())["accounts"]
    say("account", listed["id"], listed["tags"])
    summary = client.request(accounts.AccountSummary(account))["account"]
    say("summary", summary["currency"], summary["balance"], summary["marginAvailable"], summary["hedgingEnabled"])
    for row in client.request(accounts.AccountInstruments(account))["instruments"]:
        limits = (row["minimumTradeSize"], row["maximumOrderUnits"], row["tradeUnitsPrecision"])
        say("instrument", row["name"], row["type"], *limits)
    asked = pricing.PricingInfo(account, params={"instruments": "XAU_USD,EUR_USD"})
    for price in client.request(asked)["prices"]:
        say("price", price["instrument"], price["status"], price["bids"][0]["price"], price["asks"][0]["price"])


def open_trade(client: API, account: str) -> str:
    order = MarketOrderRequest(
        instrument="XAU_USD",
        units=10,
        positionFill="OPEN_ONLY",
        clientExtensions=ClientExtensions(clientID="vendor-1").data,
        tradeClientExtensions=ClientExtensions(clientID="strategy-1", clientTag="p1").data,
    )
    request = orders.OrderCreate(account, data=order.data)
    fill = client.request(request)["orderFillTransaction"]
    assert request.status_code == request.expected_status
    say("fill", fill["type"], fill["units"], fill["price"], fill["clientOrderID"], fill["tradeOpened"]["tradeID"])
    (open_,) = client.request(trades.OpenTrades(account))["trades"]
    say("trade", open_["id"], open_["state"], open_["currentUnits"], open_["clientExtensions"]["tag"])
    (position,) = client.request(positions.OpenPositions(account))["positions"]
    say("position", position["instrument"], position["long"]["units"], position["short"]["units"])
    return str(open_["id"])


def close_trade(client: API, account: str, trade: str) -> None:
    named = client.request(trades.TradeDetails(account, tradeID="@strategy-1"))["trade"]
    assert named["id"] == trade
    part = client.request(trades.TradeClose(account, tradeID=trade, data={"units": "4"}))["orderFillTransaction"]
    say("reduced", part["reason"], part["units"], part["tradeReduced"]["tradeID"])
    rest = client.request(trades.TradeClose(account, tradeID=trade))["orderFillTransaction"]
    say("closed", rest["reason"], rest["units"], rest["tradesClosed"][0]["tradeID"])
    say("trade", trade, client.request(trades.TradeDetails(account, tradeID=trade))["trade"]["state"])


def read_log(client: API, account: str, since: str) -> None:
    log = client.request(transactions.TransactionsSinceID(account, params={"id": since}))
    say("log", *[f"{row['id']}:{row['type']}" for row in log["transactions"]], "to", log["lastTransactionID"])


def meet_refusals(client: API, books: Books) -> None:
    books.staged.append(f"{CANCELLED}:MARKET_HALTED")
    order = MarketOrderRequest(instrument="EUR_USD", units=100)
    answer = client.request(orders.OrderCreate(books.id, data=order.data))
    say("cancelled", answer["orderCancelTransaction"]["reason"])
    books.staged.append("UNITS_LIMIT_EXCEEDED")
    refused(client, orders.OrderCreate(books.id, data=order.data))
    refused(client, trades.TradeClose(books.id, tradeID="999"))
    refused(client, trades.TradeDetails(books.id, tradeID="999"))
    refused(client, accounts.AccountSummary("101-004-0000000-999"))
    refused(API(access_token="revoked"), accounts.AccountSummary(books.id))


def refused(client: API, request: Any) -> None:
    try:
        client.request(request)
    except V20Error as error:
        say("refused", error.code, error.msg[:160])
    else:
        raise AssertionError(f"{request} was not refused")


def say(*words: object) -> None:
    sys.stdout.write(" ".join(str(word) for word in words) + "\n")


if __name__ == "__main__":
    main()
