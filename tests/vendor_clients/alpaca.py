"""Lets alpaca-py, the vendor's own client, read and trade at the simulator, and prints what it understood.

Run by `make vendor-clients`, in an environment of its own: the client brings pandas with it.
"""

import sys

from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import AssetClass, OrderSide, OrderStatus, PositionIntent, TimeInForce
from alpaca.trading.requests import GetAssetsRequest, MarketOrderRequest

from tests.simulators.alpaca import KEY_ID, SECRET_KEY, Alpaca, is_order
from tests.simulators.server import Simulator


def main() -> None:
    """Every reply of the simulator, parsed by the client's own models. Raises where one is not understood."""
    alpaca = Alpaca(strict=False)  # the client sends quantities as numbers
    with Simulator(alpaca, is_order).running() as simulator:
        client = TradingClient(KEY_ID, SECRET_KEY, url_override=simulator.url)
        read_account(client)
        trade_stock(client)
        trade_pair(client)
        meet_refusals(client)
        alpaca.words.append("accepted")
        cancel_working(client)


def read_account(client: TradingClient) -> None:
    account, clock = client.get_account(), client.get_clock()
    say("account", account.status.value, account.currency, account.cash, account.buying_power, account.multiplier)
    say("clock", clock.is_open, clock.next_close > clock.timestamp)
    for kind in (AssetClass.US_EQUITY, AssetClass.CRYPTO):
        for asset in client.get_all_assets(GetAssetsRequest(asset_class=kind)):
            say("asset", asset.symbol, asset.asset_class.value, asset.tradable, asset.shortable, asset.min_order_size)


def trade_stock(client: TradingClient) -> None:
    order = client.submit_order(market("AAPL", 10, OrderSide.BUY, PositionIntent.BUY_TO_OPEN, "vendor-1"))
    say("order", order.status.value, order.filled_qty, order.filled_avg_price, order.position_intent.value)
    found = client.get_order_by_client_id("vendor-1")
    assert (found.id, found.status) == (order.id, OrderStatus.FILLED)
    assert client.get_order_by_id(order.id).client_order_id == "vendor-1"
    position = client.get_open_position(client.get_asset("AAPL").id)
    say("position", position.symbol, position.side.value, position.qty, position.qty_available)
    client.submit_order(market("AAPL", 10, OrderSide.SELL, PositionIntent.SELL_TO_CLOSE, "vendor-2"))
    client.submit_order(market("AAPL", 4, OrderSide.SELL, PositionIntent.SELL_TO_OPEN, "vendor-3"))
    (short,) = client.get_all_positions()
    say("position", short.symbol, short.side.value, short.qty)


def trade_pair(client: TradingClient) -> None:
    order = client.submit_order(
        market("BTC/USD", 0.25, OrderSide.BUY, PositionIntent.BUY_TO_OPEN, "vendor-4", TimeInForce.IOC)
    )
    say("order", order.symbol, order.asset_class.value, order.filled_qty)
    say("positions", *sorted(position.symbol for position in client.get_all_positions()))


def meet_refusals(client: TradingClient) -> None:
    orders = {
        "duplicate": market("AAPL", 4, OrderSide.SELL, PositionIntent.SELL_TO_OPEN, "vendor-3"),
        "funds": market("MSFT", 1_000_000, OrderSide.BUY, PositionIntent.BUY_TO_OPEN, "vendor-5"),
        "intent": market("AAPL", 1, OrderSide.BUY, PositionIntent.BUY_TO_OPEN, "vendor-6"),
        "symbol": market("NOSUCH", 1, OrderSide.BUY, PositionIntent.BUY_TO_OPEN, "vendor-7"),
    }
    for name, order in orders.items():
        try:
            client.submit_order(order)
        except APIError as error:
            say("refused", name, error.status_code, error.code, error.message)
        else:
            raise AssertionError(f"{name} was not refused")


def cancel_working(client: TradingClient) -> None:
    order = client.submit_order(market("MSFT", 1, OrderSide.BUY, PositionIntent.BUY_TO_OPEN, "vendor-8"))
    client.cancel_order_by_id(order.id)
    say("cancelled", order.status.value, "->", client.get_order_by_id(order.id).status.value)


def market(
    symbol: str, qty: float, side: OrderSide, intent: PositionIntent, name: str, force: TimeInForce = TimeInForce.DAY
) -> MarketOrderRequest:
    return MarketOrderRequest(
        symbol=symbol, qty=qty, side=side, time_in_force=force, client_order_id=name, position_intent=intent
    )


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


if __name__ == "__main__":
    main()
