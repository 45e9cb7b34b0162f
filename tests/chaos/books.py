"""The books of the chaos broker: accepted orders, one JSON line each, in a file that outlives its server."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

SIGN = {"BUY": 1, "SELL": -1}


@dataclass(frozen=True, slots=True)
class BookedOrder:
    """An order that was accepted, which here means that it was filled at once. Quantities in units."""

    account: str
    client_order_id: str
    broker_order_id: str
    symbol: str
    side: str
    quantity: Decimal
    leg: str
    strategy_id: str
    proquant_position_id: str
    price: Decimal
    accepted_at: datetime

    @property
    def state(self) -> str:
        return "filled"

    @property
    def filled_quantity(self) -> Decimal:
        return self.quantity

    @property
    def finished_at(self) -> datetime | None:
        return self.accepted_at


def append(path: Path, order: BookedOrder) -> None:
    """Writes the order in one piece: whoever is killed leaves a whole line or none."""
    line = json.dumps(as_json(order)) + "\n"
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, line.encode())
    finally:
        os.close(file)


def read(path: Path) -> list[BookedOrder]:
    """All that was accepted, in the order of acceptance."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [from_json(json.loads(line)) for line in lines]


def as_json(order: BookedOrder) -> dict[str, str]:
    """The order as the server tells it and as it is kept."""
    return {name: _text(getattr(order, name)) for name in BookedOrder.__slots__}


def from_json(members: Mapping[str, Any]) -> BookedOrder:
    """The inverse of `as_json`. Raises KeyError or ValueError for anything else."""
    texts = {name: str(members[name]) for name in BookedOrder.__slots__}
    return BookedOrder(
        **{name: texts[name] for name in texts if name not in {"quantity", "price", "accepted_at"}},
        quantity=Decimal(texts["quantity"]),
        price=Decimal(texts["price"]),
        accepted_at=datetime.fromisoformat(texts["accepted_at"]),
    )


def net(orders: Sequence[BookedOrder]) -> dict[str, Decimal]:
    """The signed net quantity of each symbol that is not flat."""
    total: dict[str, Decimal] = {}
    for order in orders:
        total[order.symbol] = total.get(order.symbol, Decimal(0)) + SIGN[order.side] * order.quantity
    return {symbol: quantity for symbol, quantity in total.items() if quantity}


@dataclass(frozen=True, slots=True)
class FileBooks:
    """The books as the checker of the invariants reads them."""

    path: Path

    def accepted(self, account: str) -> Sequence[BookedOrder]:
        return [order for order in read(self.path) if order.account == account]

    def net(self, account: str) -> Mapping[str, Decimal]:
        return net(self.accepted(account))

    def outside(self, account: str) -> Mapping[str, Decimal]:
        return {}


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)
