"""The contracts that the simulated Binance trades, as its exchangeInfo tells them; prices stand still."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Contract:
    """One contract. `minimum`, `maximum` and `step` are of market orders; limit orders may be larger and smaller."""

    symbol: str
    base: str
    price: Decimal
    minimum: Decimal
    maximum: Decimal
    step: Decimal
    notional: Decimal
    kind: str = "PERPETUAL"
    quote: str = "USDT"

    @property
    def precision(self) -> int:
        return -int(self.step.normalize().as_tuple().exponent)

    def row(self, status: str) -> dict[str, Any]:
        """As in exchangeInfo (USD-M futures, "Exchange Information")."""
        return {
            "symbol": self.symbol, "pair": self.symbol, "contractType": self.kind, "status": status,
            "deliveryDate": 4133404800000 if self.kind.endswith("PERPETUAL") else 1798185600000,
            "onboardDate": 1598252400000,
            "maintMarginPercent": "2.5000", "requiredMarginPercent": "5.0000",
            "baseAsset": self.base, "quoteAsset": self.quote, "marginAsset": self.quote,
            "pricePrecision": 2, "quantityPrecision": self.precision,
            "baseAssetPrecision": 8, "quotePrecision": 8,
            "underlyingType": "COIN", "underlyingSubType": [], "settlePlan": 0, "triggerProtect": "0.0500",
            "filters": [
                {"filterType": "PRICE_FILTER", "minPrice": "0.01", "maxPrice": "1000000", "tickSize": "0.01"},
                {"filterType": "LOT_SIZE", "minQty": f"{self.step:f}", "maxQty": f"{self.maximum * 2:f}",
                 "stepSize": f"{self.step:f}"},
                {"filterType": "MARKET_LOT_SIZE", "minQty": f"{self.minimum:f}", "maxQty": f"{self.maximum:f}",
                 "stepSize": f"{self.step:f}"},
                {"filterType": "MAX_NUM_ORDERS", "limit": 200},
                {"filterType": "MIN_NOTIONAL", "notional": f"{self.notional:f}"},
                {"filterType": "PERCENT_PRICE", "multiplierUp": "1.05", "multiplierDown": "0.95",
                 "multiplierDecimal": "4"},
            ],
            "orderTypes": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET"],
            "timeInForce": ["GTC", "IOC", "FOK", "GTX"],
            "liquidationFee": "0.010000", "marketTakeBound": "0.05",
        }  # fmt: skip


def _contract(symbol: str, base: str, *numbers: str, kind: str = "PERPETUAL") -> Contract:
    price, minimum, maximum, step, notional = map(Decimal, numbers)
    return Contract(symbol, base, price, minimum, maximum, step, notional, kind)


CONTRACTS = {
    each.symbol: each
    for each in (
        _contract("XAUUSDT", "XAU", "2000", "0.002", "5000", "0.001", "5", kind="TRADIFI_PERPETUAL"),
        _contract("BTCUSDT", "BTC", "50000", "0.001", "120", "0.001", "100"),
        _contract("ETHUSDT", "ETH", "2500.5", "0.001", "2000", "0.001", "20"),
        _contract("BTCUSDT_261225", "BTC", "50500", "0.001", "120", "0.001", "5", kind="CURRENT_QUARTER"),
    )
}


def exchange_information(status: str) -> dict[str, Any]:
    """The whole answer."""
    limit = {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400}
    return {
        "exchangeFilters": [],
        "rateLimits": [limit, {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200}],
        "serverTime": 1565613908500,
        "assets": [{"asset": "USDT", "marginAvailable": True, "autoAssetExchange": "0"}],
        "symbols": [contract.row(status) for contract in CONTRACTS.values()],
        "timezone": "UTC",
    }
