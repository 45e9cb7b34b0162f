"""What may be traded at the paper broker: its instruments, and the margin and trading hours of each market."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from shared.accounts.instrument import Instrument, TradingHours

_DAY = 1440


class PaperMarket(StrEnum):
    """A class of instruments that share margin and trading hours."""

    FOREX = "forex"
    METALS = "metals"
    INDICES = "indices"
    STOCKS = "stocks"
    CRYPTO = "crypto"


class Hours(StrEnum):
    """The setting `hours`: the markets' own, or one rule for all of them."""

    MARKET = "market"
    ALWAYS = "always"
    CLOSED = "closed"


MARGIN: dict[PaperMarket, Decimal] = {
    PaperMarket.FOREX: 1 / Decimal(30),
    PaperMarket.METALS: 1 / Decimal(20),
    PaperMarket.INDICES: 1 / Decimal(20),
    PaperMarket.STOCKS: 1 / Decimal(5),
    PaperMarket.CRYPTO: 1 / Decimal(2),
}
"""Margin as a fraction of the notional: the leverage that ESMA has allowed retail clients since 2018."""

ALWAYS = TradingHours(((0, 7 * _DAY),))
NEVER = TradingHours(())
AROUND_THE_CLOCK = TradingHours(((6 * _DAY + 22 * 60, 11 * _DAY + 22 * 60),))
"""Sunday 22:00 to Friday 22:00 UTC."""
NEW_YORK = TradingHours(tuple((day * _DAY + 14 * 60 + 30, day * _DAY + 21 * 60) for day in range(5)))
"""Monday to Friday, 14:30 to 21:00 UTC; the paper broker knows neither holidays nor daylight saving time."""
_HOURS: dict[PaperMarket, TradingHours] = {
    PaperMarket.FOREX: AROUND_THE_CLOCK,
    PaperMarket.METALS: AROUND_THE_CLOCK,
    PaperMarket.INDICES: NEW_YORK,
    PaperMarket.STOCKS: NEW_YORK,
    PaperMarket.CRYPTO: ALWAYS,
}


@dataclass(frozen=True, slots=True)
class PaperInstrument:
    """One instrument: its limits in units, the price about which it moves (None: made from currencies), its tick."""

    symbol: str
    market: PaperMarket
    price: Decimal | None
    tick: Decimal
    minimum: Decimal
    maximum: Decimal
    step: Decimal
    currency: str
    shortable: bool = True

    def instrument(self, hours: Hours) -> Instrument:
        """The listing in the words of the contract. The paper broker's symbols are ProQuant's tickers."""
        return Instrument(
            self.symbol, self.symbol, self.minimum, self.maximum, self.step, self.currency, self.shortable,
            trading_hours(self.market, hours),
        )  # fmt: skip


def trading_hours(market: PaperMarket, hours: Hours) -> TradingHours:
    """When `market` trades under the setting `hours`."""
    match hours:
        case Hours.MARKET:
            return _HOURS[market]
        case Hours.ALWAYS:
            return ALWAYS
        case Hours.CLOSED:
            return NEVER


# symbol, price, tick, minimum, maximum, step, currency. Each maximum costs more margin than the default balance
# affords, so that InsufficientFunds can be reached with a legal quantity; each minimum is more than one step.
_ROWS: dict[PaperMarket, str] = {
    PaperMarket.FOREX: """
        EURUSD  -      0.00001  10     10000000  1       USD
        GBPUSD  -      0.00001  10     10000000  1       USD
        AUDUSD  -      0.00001  10     10000000  1       USD
        NZDUSD  -      0.00001  10     10000000  1       USD
        USDJPY  -      0.001    10     10000000  1       JPY
        USDCHF  -      0.00001  10     10000000  1       CHF
        USDCAD  -      0.00001  10     10000000  1       CAD
        EURGBP  -      0.00001  10     10000000  1       GBP
        EURJPY  -      0.001    10     10000000  1       JPY
        GBPJPY  -      0.001    10     10000000  1       JPY
        EURCHF  -      0.00001  10     10000000  1       CHF
    """,
    PaperMarket.METALS: """
        XAUUSD  2400   0.01     1      5000      0.01    USD
        XAGUSD  28     0.001    1      200000    0.1     USD
        XPTUSD  950    0.01     1      10000     0.01    USD
    """,
    PaperMarket.INDICES: """
        US500   5200   0.1      0.1    2000      0.01    USD
        NAS100  18200  0.1      0.1    1000      0.01    USD
        US30    39000  0.1      0.1    500       0.01    USD
        GER40   18000  0.1      0.1    1000      0.01    EUR
        UK100   8200   0.1      0.1    1000      0.01    GBP
        JP225   38500  1        1      20000     0.1     JPY
    """,
    PaperMarket.STOCKS: """
        AAPL    190    0.01     0.1    10000     0.01    USD
        TSLA    180    0.01     0.1    10000     0.01    USD
        MSFT    420    0.01     0.1    10000     0.01    USD
        NVDA    120    0.01     0.1    10000     0.01    USD
        AMZN    180    0.01     0.1    10000     0.01    USD
        GOOGL   170    0.01     0.1    10000     0.01    USD
        META    480    0.01     0.1    10000     0.01    USD
    """,
    PaperMarket.CRYPTO: """
        BTCUSD  65000  0.01     0.001  100       0.0001  USD
        ETHUSD  3400   0.01     0.01   1000      0.001   USD
        SOLUSD  150    0.001    0.1    10000     0.01    USD
        LTCUSD  80     0.01     0.1    10000     0.01    USD
        XRPUSD  0.52   0.00001  10     1000000   1       USD
        ADAUSD  0.45   0.00001  10     1000000   1       USD
        DOGEUSD 0.15   0.00001  10     5000000   1       USD
    """,
}
_LONG_ONLY = frozenset({"ADAUSD", "DOGEUSD"})


def _listing(market: PaperMarket, line: str) -> PaperInstrument:
    symbol, price, tick, minimum, maximum, step, currency = line.split()
    return PaperInstrument(
        symbol=symbol,
        market=market,
        price=None if price == "-" else Decimal(price),
        tick=Decimal(tick),
        minimum=Decimal(minimum),
        maximum=Decimal(maximum),
        step=Decimal(step),
        currency=currency,
        shortable=symbol not in _LONG_ONLY,
    )


LISTINGS: dict[str, PaperInstrument] = {
    listing.symbol: listing
    for market, rows in _ROWS.items()
    for listing in (_listing(market, line) for line in rows.split("\n") if line.strip())
}
