"""One OANDA adapter with its simulator and the books behind it, as the tests of that adapter use them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal

from tests.simulators.oanda import is_order, simulated
from tests.simulators.oanda_books import Books
from tests.simulators.server import Call, Simulator
from workers.brokers.oanda.broker import OandaBroker
from workers.brokers.oanda.settings import parse


@dataclass
class Desk:
    """One adapter, its simulator and the books behind it."""

    books: Books
    simulator: Simulator
    broker: OandaBroker

    def sent(self) -> list[Call]:
        return [call for call in self.simulator.calls if is_order(call)]

    def held(self) -> list[tuple[str, Decimal]]:
        return [(trade.id, trade.units) for trade in self.books.open_trades()]


def connect(simulator: Simulator, books: Books, account: str = "alice", seconds: float = 5.0) -> OandaBroker:
    settings = {"account": account, "base_url": simulator.url, "token": "practice-token", "account_id": books.id}
    return OandaBroker(parse(settings), deadline_seconds=seconds)


@contextmanager
def manned(books: Books) -> Iterator[Desk]:
    """A desk in front of these books, until the block ends."""
    with simulated(books) as simulator:
        broker = connect(simulator, books)
        yield Desk(books, simulator, broker)
        broker.close()
