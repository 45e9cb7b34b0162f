"""One strategy of a world as the judge wants to see it: its deliveries, the broker's books, and the calls to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tests.simulation.books import Call, Entry
from tests.simulation.broker import DEADLINE_SECONDS
from tests.simulation.stories import BEGINNING
from tests.simulation.world import World
from tests.support.judge.observed import Answer, BrokerCall, Exchange

RESULTS = {"nothing": "absent", "found": "found", "unavailable": "not_sent"}


@dataclass(frozen=True, slots=True)
class AcceptedEntry:
    """An order in the books of the simulated broker, in the judge's words."""

    client_order_id: str
    symbol: str
    side: str
    quantity: Decimal
    leg: str
    strategy_id: str
    proquant_position_id: str
    state: str
    filled_quantity: Decimal
    accepted_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class StrategyBooks:
    """The part of the books that is one strategy's."""

    world: World
    strategy: str

    def accepted(self, account: str) -> Sequence[AcceptedEntry]:
        return [accepted(entry) for entry in entries_of(self.world, self.strategy) if entry.state != "rejected"]

    def net(self, account: str) -> Mapping[str, Decimal]:
        symbols = {e.request.symbol for e in entries_of(self.world, self.strategy)} | set(self.outside(account))
        found = {symbol: self.world.books.net(self.strategy, symbol) for symbol in symbols}
        return {symbol: quantity for symbol, quantity in found.items() if quantity}

    def outside(self, account: str) -> Mapping[str, Decimal]:
        return {symbol: q for (strategy, symbol), q in self.world.books.outside.items() if strategy == self.strategy}


def entries_of(world: World, strategy: str) -> list[Entry]:
    """All that the broker was asked for by one strategy and has judged."""
    return [entry for entry in world.books.entries if entry.request.strategy_id == strategy]


def history(world: World, strategy: str, account: str) -> list[Exchange]:
    """Its deliveries with their answers, in seconds of the virtual clock."""
    return [
        Exchange(
            account,
            answer.event,
            None
            if answer.reply is None
            else Answer(answer.reply.status, answer.reply.body, dict(answer.reply.headers)),
            answer.at,
            answer.ended,
        )
        for answer in world.answers
        if answer.event.strategy_id == strategy
    ]


def calls(world: World, orders: set[str]) -> Iterator[BrokerCall]:
    """What went between the bridge and the broker about these orders."""
    for call in world.books.calls:
        if call.client_order_id in orders:
            result = "unknown" if call.kind == "submit" and call.outcome != "unavailable" else RESULTS.get(call.outcome)
            yield BrokerCall(call.client_order_id, call.kind, call.began, result, _conclusive_from(world, call))


def _conclusive_from(world: World, call: Call) -> float:
    latest = call.began + DEADLINE_SECONDS
    return (latest if call.ended is None else min(latest, call.ended)) + world.rules.settle


def accepted(entry: Entry) -> AcceptedEntry:
    """An order that the broker has accepted, as the judge reads it."""
    request = entry.request
    return AcceptedEntry(
        request.client_order_id, request.symbol, request.side, request.quantity, request.leg, request.strategy_id,
        request.proquant_position_id, entry.state, entry.filled, _time(entry.at),
        None if entry.finished_at is None else _time(entry.finished_at),
    )  # fmt: skip


def _time(seconds: float) -> datetime:
    return BEGINNING + timedelta(seconds=seconds)
