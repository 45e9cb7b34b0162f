"""What a simulated Alpaca account holds: its orders, positions and money, and the checks that the vendor makes."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from tests.simulators.server import Answer

NOW = "2026-01-05T15:30:00.123456789Z"


@dataclass(frozen=True, slots=True)
class Asset:
    """One line of /v2/assets; the price stands still."""

    symbol: str
    price: Decimal
    kind: str = "us_equity"
    shortable: bool = True
    fractionable: bool = True
    tradable: bool = True

    @property
    def id(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, self.symbol))


ASSETS = {
    asset.symbol: asset
    for asset in (
        Asset("AAPL", Decimal(200)),
        Asset("MSFT", Decimal(400)),
        Asset("BRK.A", Decimal(700_000), shortable=False, fractionable=False),
        Asset("GONE", Decimal(3), tradable=False),
        Asset("BTC/USD", Decimal(50_000), "crypto", shortable=False),
        Asset("ETH/BTC", Decimal("0.05"), "crypto", shortable=False),
    )
}


class Refused(Exception):
    """An error body of the vendor's."""

    def __init__(self, status: int, code: int, message: str, **fields: str) -> None:
        super().__init__(message)
        self.answer = Answer(status, {"code": code, "message": message, **fields})


@dataclass
class Order:
    """An order in the books. `looks` counts down to the look-up that finds it ended as `ends_as`."""

    body: dict[str, str]
    asset: Asset
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "new"
    filled: Decimal = Decimal(0)
    looks: int = 0
    ends_as: str = "filled"
    born: float = 0.0

    @property
    def quantity(self) -> Decimal:
        return Decimal(self.body["qty"])

    @property
    def sign(self) -> int:
        return 1 if self.body["side"] == "buy" else -1

    @property
    def working(self) -> bool:
        return self.status in {"new", "accepted", "pending_new", "partially_filled"}


class Books:
    """One account with a million dollars; stocks bind half their worth, as under Regulation T."""

    def __init__(self, fee: Decimal = Decimal(0)) -> None:
        self.cash = Decimal(1_000_000)
        self.orders: dict[str, Order] = {}
        self.positions: dict[str, Decimal] = {}
        self._fee = fee

    def equity(self) -> Decimal:
        return self.cash + sum((held * ASSETS[symbol].price for symbol, held in self.positions.items()), Decimal(0))

    def buying_power(self) -> Decimal:
        bound = sum((abs(held) * ASSETS[symbol].price / 2 for symbol, held in self.positions.items()), Decimal(0))
        return max(self.equity() - bound, Decimal(0)) * 2

    def held_for_orders(self, symbol: str) -> Decimal:
        """What working orders are going to take off the position."""
        held = self.positions.get(symbol, Decimal(0))
        closing = [order for order in self.orders.values() if order.working and order.asset.symbol == symbol]
        return sum((order.quantity - order.filled for order in closing if order.sign * held < 0), Decimal(0))

    def check(self, body: dict[str, str]) -> Asset:
        """The vendor's checks, in an order of ours: symbol, quantity, working orders, intent, what is there, funds."""
        asset = ASSETS.get(body["symbol"])
        if asset is None:
            raise Refused(422, 42210000, f'invalid symbol: "{body["symbol"]}"')
        self._check_quantity(body, asset)
        self._check_wash(body, asset)
        self._check_position(body, asset)
        return asset

    def fill(self, order: Order, quantity: Decimal) -> None:
        """Executes a part of the order, or all of it."""
        symbol, signed = order.asset.symbol, order.sign * quantity
        fee = quantity * self._fee if order.asset.kind == "crypto" and order.sign > 0 else Decimal(0)
        order.filled += quantity
        order.status = "filled" if order.filled == order.quantity else "partially_filled"
        self.cash -= signed * order.asset.price
        self.positions[symbol] = self.positions.get(symbol, Decimal(0)) + signed - fee
        if self.positions[symbol] == 0:
            del self.positions[symbol]

    def _check_quantity(self, body: dict[str, str], asset: Asset) -> None:
        quantity, opens = Decimal(body["qty"]), body["position_intent"].endswith("open")
        whole = quantity == quantity.to_integral_value()
        if quantity <= 0:
            raise Refused(422, 42210000, "qty must be > 0")
        if not whole and not asset.fractionable:
            raise Refused(403, 40310000, f'asset "{asset.symbol}" is not fractionable')
        if opens and not asset.tradable:
            raise Refused(422, 42210000, f"asset {asset.symbol} is not tradable")
        if not whole and opens and body["side"] == "sell":
            raise Refused(422, 42210000, "fractional orders are not allowed to short")
        if opens and quantity * asset.price < 1:
            raise Refused(403, 40310000, "cost basis must be >= minimal amount of order 1")

    def _check_wash(self, body: dict[str, str], asset: Asset) -> None:
        for order in self.orders.values():
            if order.working and order.asset == asset and order.body["side"] != body["side"]:
                message = "potential wash trade detected. use complex orders"
                raise Refused(403, 40310000, message, existing_order_id=order.id)

    def _check_position(self, body: dict[str, str], asset: Asset) -> None:
        """A market order may not bring the account from one side to the other, and must mean what it does."""
        held, quantity = self.positions.get(asset.symbol, Decimal(0)), Decimal(body["qty"])
        free = abs(held) - self.held_for_orders(asset.symbol)
        against = held > 0 if body["side"] == "sell" else held < 0
        opens = body["position_intent"].endswith("open")
        if not opens and not against and held == 0:
            self._missing(asset, quantity, free)
        if opens is against:
            inferred = f"{body['side']}_to_{'close' if against else 'open'}"
            raise Refused(422, 42210000, f"position intent mismatch, inferred: {inferred}")
        if not opens and quantity > free:
            self._missing(asset, quantity, free)
        price = asset.price * Decimal("1.03") if body["side"] == "sell" else asset.price
        if opens and quantity * price > self.buying_power():
            raise Refused(403, 40310000, "insufficient buying power", buying_power=str(self.buying_power()))

    def _missing(self, asset: Asset, quantity: Decimal, free: Decimal) -> None:
        what = f"balance for {asset.symbol.partition('/')[0]}" if asset.kind == "crypto" else "qty available for order"
        raise Refused(
            403,
            40310000,
            f"insufficient {what} (requested: {quantity:f}, available: {free:f})",
            available=f"{free:f}",
            existing_qty=f"{abs(self.positions.get(asset.symbol, Decimal(0))):f}",
            held_for_orders=f"{self.held_for_orders(asset.symbol):f}",
            symbol=asset.symbol,
        )


def today() -> datetime:
    """The vendor's clock."""
    return datetime.now(UTC)
