"""The ccxt adapter under the suite: ccxt's own binanceusdm in front of the simulated Binance."""

from tests.contract.binance_bench import ORDER_SECONDS, READ_SECONDS, BinanceBench
from tests.simulators.binance.exchange import Exchange
from workers.brokers.base import Broker
from workers.brokers.ccxt.broker import CcxtBroker
from workers.brokers.ccxt.settings import parse


class CcxtBench(BinanceBench):
    """The same accounts, by ccxt's names of the symbols."""

    symbol = "XAU/USDT:USDT"
    other_symbol = "BTC/USDT:USDT"

    def _connect(self, exchange: Exchange, url: str) -> Broker:
        settings = {"exchange": "binanceusdm", "api_key": exchange.key, "secret": exchange.secret, "base_url": url}
        broker = CcxtBroker(parse(settings), READ_SECONDS, ORDER_SECONDS)
        self._made[broker] = exchange, url
        self._open.callback(broker.close)
        return broker
