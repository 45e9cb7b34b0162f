"""The books of one simulated OANDA v20 account: its transaction log, its trades, and how an order becomes a fill."""

import itertools
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
_accounts = itertools.count(1)


@dataclass(frozen=True)
class Listing:
    """An instrument with a price that stands still. `precision` is of its units."""

    kind: str
    price: Decimal
    minimum: str = "1"
    maximum: str = "100000"
    precision: int = 0


LISTINGS = {
    "XAU_USD": Listing("METAL", Decimal("2000.50"), maximum="5000"),
    "EUR_USD": Listing("CURRENCY", Decimal("1.09448"), maximum="100000000"),
    "SPX500_USD": Listing("CFD", Decimal("4500.1"), minimum="0.1", maximum="0", precision=1),
}
MARGIN_RATE = Decimal("0.05")
CANCELLED = "cancel"


@dataclass
class Trade:
    """One trade. `units` is signed and what is left of it."""

    id: str
    instrument: str
    initial: Decimal
    units: Decimal
    price: Decimal
    opened: str
    extensions: Json

    def shown(self) -> Json:
        return {
            "id": self.id,
            "instrument": self.instrument,
            "price": str(self.price),
            "openTime": self.opened,
            "state": "OPEN" if self.units else "CLOSED",
            "initialUnits": str(self.initial),
            "currentUnits": str(self.units),
            "realizedPL": "0.0000",
            "unrealizedPL": "0.0000",
            "financing": "0.0000",
            **({"clientExtensions": self.extensions} if self.extensions else {}),
        }


@dataclass
class Books:
    """One account. `staged`: for each order that arrives, None or the reason for which it is refused or cancelled.

    `lag` is how many seconds every read is behind; `now` is the clock that it goes by.
    """

    token: str = "practice-token"
    balance: Decimal = Decimal(100_000)
    hedging: bool = True
    mt4: bool = False
    halted: bool = False
    fifo: bool = False  # as a US account: the oldest trade of an instrument is closed first
    untold: frozenset[str] = frozenset()  # what an ORDER_FILL leaves out: "price", "fullVWAP", "trade"
    lag: float = 0.0
    page: int = 1000  # transactions in one answer
    now: Callable[[], float] = time.monotonic
    staged: deque[str | None] = field(default_factory=deque)
    trades: dict[str, Trade] = field(default_factory=dict)
    log: list[tuple[float, Json]] = field(default_factory=list)
    id: str = field(default_factory=lambda: f"101-004-{next(_accounts):07d}-001")

    def __post_init__(self) -> None:
        self.write("CREATE", self.next_id(), homeCurrency="USD")

    def next_id(self) -> str:
        return str(len(self.log) + 1)

    def write(self, kind: str, batch: str, **fields: object) -> Json:
        at = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}789Z"
        common = {"id": self.next_id(), "time": at, "userID": 1435156, "accountID": self.id, "batchID": batch}
        row = {**common, "requestID": f"4200000{batch}", "type": kind, **fields}
        self.log.append((self.now(), row))
        return row

    def visible(self) -> list[Json]:
        """The part of the log that a read shows."""
        return [row for at, row in self.log if not self.lag or at + self.lag <= self.now()]

    def open_trades(self, instrument: str | None = None) -> list[Trade]:
        return [each for each in self.trades.values() if each.units and instrument in {None, each.instrument}]

    def margin_used(self) -> Decimal:
        return sum((abs(each.units) * each.price * MARGIN_RATE for each in self.open_trades()), Decimal(0))

    def orders(self) -> list[Json]:
        """Every order that was filled, in order: what a checker wants to know."""
        return [row for _, row in self.log if row["type"] == "ORDER_FILL"]

    def open(self, wanted: Json, reject: str | None) -> Json:
        """Executes a market order. `reject` is what is wrong with it by itself."""
        trade_extensions = wanted.get("tradeClientExtensions") or {}
        reject = reject or self._trade_id_taken(trade_extensions.get("id"))
        carried = ("instrument", "units", "timeInForce", "positionFill", "clientExtensions", "tradeClientExtensions")
        fields: Json = {name: wanted[name] for name in carried if name in wanted}
        cancel = self._cancel_of_open(wanted["instrument"], wanted["units"]) if reject is None else None
        return self._execute(fields, "CLIENT_ORDER", reject, cancel, self._open_trade)

    def close(self, trade: Trade | None, specifier: str, units: str) -> Json:
        """Closes units of a trade."""
        reject = None if trade is not None and trade.units else "TRADE_DOESNT_EXIST"
        left = abs(trade.units) if trade else Decimal(0)
        asked = left if units == "ALL" else Decimal(units)
        if reject is None and asked > left:
            reject = "CLOSE_TRADE_UNITS_EXCEED_TRADE_SIZE"
        closes = {"tradeID": trade.id if trade else specifier, "units": units}
        if trade and trade.extensions.get("id"):
            closes["clientTradeID"] = trade.extensions["id"]
        signed = -asked if trade is None or trade.units > 0 else asked
        fields = {"units": str(signed), "timeInForce": "FOK", "positionFill": "REDUCE_ONLY", "tradeClose": closes}
        if trade is not None:
            fields["instrument"] = trade.instrument
        cancel = "MARKET_HALTED" if self.halted else None
        if self.fifo and trade is not None and self.open_trades(trade.instrument)[:1] != [trade]:
            cancel = "FIFO_VIOLATION"
        return self._execute(fields, "TRADE_CLOSE", reject, cancel, self._reduce_trade)

    def _execute(
        self, fields: Json, reason: str, reject: str | None, cancel: str | None, fill: Callable[[Json], Json]
    ) -> Json:
        staged = self.staged.popleft() if self.staged else None
        if staged is not None:
            reject, cancel = (staged, None) if not staged.startswith(CANCELLED) else (None, staged.partition(":")[2])
        batch = self.next_id()
        if reject is not None:
            row = self.write("MARKET_ORDER_REJECT", batch, reason=reason, rejectReason=reject, **fields)
            return self._answer(batch, orderRejectTransaction=row)
        created = self.write("MARKET_ORDER", batch, reason=reason, **fields)
        if cancel is not None:
            client = {"clientOrderID": fields["clientExtensions"]["id"]} if "clientExtensions" in fields else {}
            row = self.write("ORDER_CANCEL", batch, orderID=created["id"], reason=cancel, **client)
            return self._answer(batch, orderCreateTransaction=created, orderCancelTransaction=row)
        return self._answer(batch, orderCreateTransaction=created, orderFillTransaction=fill(created))

    def _answer(self, batch: str, **transactions: Json) -> Json:
        related = [row["id"] for row in transactions.values()]
        return {**transactions, "relatedTransactionIDs": related, "lastTransactionID": related[-1]}

    def _open_trade(self, created: Json) -> Json:
        price, units = LISTINGS[created["instrument"]].price, created["units"]
        number = self.next_id()
        extensions = created.get("tradeClientExtensions") or {}
        opened: Json = {"tradeID": number, "units": units} | self._price_of_trade(price)
        if extensions:
            opened["clientExtensions"] = extensions
        row = self._fill(created, price, "MARKET_ORDER", tradeOpened=opened)
        self.trades[number] = Trade(
            number, created["instrument"], Decimal(units), Decimal(units), price, row["time"], extensions
        )
        return row

    def _reduce_trade(self, created: Json) -> Json:
        trade = self.trades[created["tradeClose"]["tradeID"]]
        trade.units += Decimal(created["units"])
        part: Json = {"tradeID": trade.id, "units": created["units"], "realizedPL": "0.0000", "financing": "0.0000"}
        part |= self._price_of_trade(trade.price)
        how: Json = {"tradeReduced": part} if trade.units else {"tradesClosed": [part]}
        return self._fill(created, trade.price, "MARKET_ORDER_TRADE_CLOSE", **how)

    def _price_of_trade(self, price: Decimal) -> Json:
        return {} if "trade" in self.untold else {"price": str(price)}

    def _fill(self, created: Json, price: Decimal, reason: str, **trades: object) -> Json:
        client = {"clientOrderID": created["clientExtensions"]["id"]} if "clientExtensions" in created else {}
        prices = {name: str(price) for name in ("price", "fullVWAP") if name not in self.untold}
        return self.write(
            "ORDER_FILL",
            created["id"],
            orderID=created["id"],
            instrument=created["instrument"],
            units=created["units"],
            **prices,
            reason=reason,
            pl="0.0000",
            financing="0.0000",
            accountBalance=str(self.balance),
            **client,
            **trades,
        )

    def _trade_id_taken(self, wanted: str | None) -> str | None:
        taken = wanted is not None and any(each.extensions.get("id") == wanted for each in self.open_trades())
        return "CLIENT_TRADE_ID_ALREADY_EXISTS" if taken else None

    def _cancel_of_open(self, instrument: str, units: str) -> str | None:
        if self.halted:
            return "MARKET_HALTED"
        needed = abs(Decimal(units)) * LISTINGS[instrument].price * MARGIN_RATE
        return "INSUFFICIENT_MARGIN" if needed > self.balance - self.margin_used() else None
