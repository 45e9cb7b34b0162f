"""What was asked of Alpaca a moment ago and still holds: its assets, and the hours of the stock market."""

from collections.abc import Callable

from workers.brokers.alpaca.assets import Asset
from workers.brokers.alpaca.calls import Calls

ASSET_SECONDS = 900.0  # limits and permissions of a symbol change by the day, if at all
OPEN_SECONDS = 5.0  # the bridge asks right before it sends, and the adapter asks again


class AssetCache:
    """Saves calls: 200 a minute are allowed. Only what is good news is kept; "not listed" and "closed" are asked anew.

    Safe to be used by several threads: at worst one of them asks once more.
    """

    def __init__(self, calls: Calls, monotonic: Callable[[], float]) -> None:
        self._calls = calls
        self._monotonic = monotonic
        self._assets: dict[str, tuple[Asset, float]] = {}
        self._open_until = 0.0

    def asset(self, symbol: str) -> Asset | None:
        """By symbol or by Alpaca's id; None where it is not listed. Raises BrokerUnavailable."""
        known, until = self._assets.get(symbol, (None, 0.0))
        if known is not None and self._monotonic() < until:
            return known
        found = self._calls.asset(symbol)
        if found is not None:
            self._assets[symbol] = found, self._monotonic() + ASSET_SECONDS
        return found

    def symbol_of(self, asset_id: str, written: str) -> str:
        """The symbol by which orders name an asset: a position in BTC/USD is written as BTCUSD."""
        asset = self.asset(asset_id)
        return written if asset is None else asset.instrument.symbol

    def stocks_trade(self) -> bool:
        """Whether US stocks trade now. "Open" is never kept past the end of the session."""
        asked = self._monotonic()
        if asked < self._open_until:
            return True
        clock = self._calls.clock()
        self._open_until = asked + min(OPEN_SECONDS, clock.seconds) if clock.is_open else 0.0
        return clock.is_open
