"""The books of the simulated broker: what it has accepted, what it has been asked, and what its dedupe remembers."""

from dataclasses import dataclass, field
from decimal import Decimal

from shared.domain import Direction, ErrorType, Leg
from workers.brokers.base import Dedupe, OrderRequest

FINAL = frozenset({"filled", "partially_filled", "cancelled", "rejected"})


@dataclass(slots=True)
class Entry:
    """One order in the books. `visible_at`: from when a look-up shows it; `late`: it came after its deadline.

    `fills`: each execution's quantity; `ends_at`, `ends_with`: when a working order ends, and what is filled then.
    """

    request: OrderRequest
    number: int
    at: float
    late: bool
    state: str
    fills: list[Decimal] = field(default_factory=list)
    visible_at: float = 0.0
    ends_at: float = 0.0
    ends_with: Decimal = Decimal(0)
    finished_at: float | None = None
    error: ErrorType | None = None
    net_before: Decimal = Decimal(0)

    @property
    def filled(self) -> Decimal:
        """What has been filled so far."""
        return sum(self.fills, Decimal(0))

    @property
    def signed(self) -> Decimal:
        """What has been filled; negative for a sale."""
        return self.filled if self.request.side is Direction.BUY else -self.filled

    def end(self) -> None:
        """Ends a working order as it was going to."""
        if self.ends_with:
            self.fills.append(self.ends_with)
        self.finished_at = self.ends_at
        self.state = "filled" if self.filled == self.request.quantity else "partially_filled"
        if not self.fills:
            self.state = "cancelled"


@dataclass(slots=True)
class Call:
    """One submit or look-up as it reached, or did not reach, the broker. `ended` is None while it lasts."""

    kind: str
    client_order_id: str
    began: float
    who: str
    outcome: str = "never arrived"
    ended: float | None = None


@dataclass
class Books:
    """One account at the broker."""

    dedupe: Dedupe
    entries: list[Entry] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    outside: dict[tuple[str, str], Decimal] = field(default_factory=dict)

    def net(self, strategy: str, symbol: str) -> Decimal:
        """What the orders of one strategy have left in a symbol, with what was traded outside of the bridge."""
        mine = (e for e in self.entries if e.request.strategy_id == strategy and e.request.symbol == symbol)
        return sum((e.signed for e in mine), self.outside.get((strategy, symbol), Decimal(0)))

    def liquidate(self, strategy: str, symbol: str) -> None:
        """Somebody closes the strategy's position at the broker's own terminal."""
        key = (strategy, symbol)
        self.outside[key] = self.outside.get(key, Decimal(0)) - self.net(strategy, symbol)

    def progress(self, now: float) -> None:
        """Lets working orders end whose time has come."""
        for entry in self.entries:
            if entry.state == "accepted" and entry.ends_at <= now:
                entry.end()

    def remembered(self, request: OrderRequest) -> Entry | None:
        """The earlier order that this one would repeat, for as long as the dedupe remembers it."""
        known = self.latest(request)
        if known is None or known.state == "rejected":
            return None
        working = known.state == "accepted"
        match self.dedupe:
            case Dedupe.LIFETIME:
                return known
            case Dedupe.WHILE_OPEN:
                return known if working or self._still_open(known) else None
            case Dedupe.WHILE_PENDING:
                return known if working else None
            case Dedupe.NONE:
                return None

    def latest(self, request: OrderRequest) -> Entry | None:
        """The newest order with this client order id."""
        same = [e for e in self.entries if e.request.client_order_id == request.client_order_id]
        return same[-1] if same else None

    def _still_open(self, entry: Entry) -> bool:
        held = self.net(entry.request.strategy_id, entry.request.symbol)
        return entry.request.leg is Leg.OPEN and held * entry.signed > 0
