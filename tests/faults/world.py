"""A hand-written story in which all is well, and ways to change it: what the tests of the checker break.

Opened, flipped, closed, and an OPEN that was refused for lack of funds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.domain import Direction, EventType, SignalEvent
from tests.support.judge.facts import EventFact, OrderFact, PositionFact, collect
from tests.support.judge.observed import Answer, BrokerCall, Exchange
from tests.support.judge.verdict import judge

T0 = datetime(2026, 1, 5, 12, tzinfo=UTC)
TEN = Decimal(10)
ERROR = {"content-type": "application/json", "x-proquant-error": "1"}
DONE = Answer(200)
NO_FUNDS = Answer(422, b'{"type":"InsufficientFunds","detail":"No."}', ERROR)


def at(second: float) -> datetime:
    return T0 + timedelta(seconds=second)


def signal(type_: str, position: str, ms: int, direction: str = "BUY") -> SignalEvent:
    return SignalEvent(EventType(type_), ms, "s", "S", position, Direction(direction), "XAUUSD", TEN)


@dataclass(frozen=True)
class Accepted:
    """An order in hand-written books."""

    client_order_id: str
    side: str
    leg: str
    accepted_at: datetime
    finished_at: datetime | None
    proquant_position_id: str = ""
    symbol: str = "XAUUSD"
    quantity: Decimal = TEN
    strategy_id: str = "s"
    state: str = "filled"
    filled_quantity: Decimal = TEN


@dataclass(frozen=True)
class World:
    """All that the checker sees."""

    events: tuple[EventFact, ...]
    orders: tuple[OrderFact, ...]
    positions: tuple[PositionFact, ...]
    alerts: tuple[tuple[str, int | None], ...]
    books: tuple[Accepted, ...]
    net_: dict[str, Decimal]
    history: tuple[Exchange, ...]
    calls: tuple[BrokerCall, ...] = ()

    def accepted(self, account: str) -> Sequence[Accepted]:
        return self.books

    def net(self, account: str) -> dict[str, Decimal]:
        return self.net_

    def outside(self, account: str) -> dict[str, Decimal]:
        return {}

    def broken(self) -> set[str]:
        facts = collect(self.events, self.orders, self.positions, self.alerts)
        found = judge(facts, self, ["a"], self.history, self.calls, at(100))
        return {violation.invariant for violation in found}


def event(id_: int, type_: str, position: str, direction: str = "BUY") -> EventFact:
    return EventFact(
        id_, "a", "s", type_, id_ * 1000, id_, position, direction, "XAUUSD", TEN, TEN, "done", None, None, None,
        at(id_), None, at(id_), at(id_ + 0.5),
    )  # fmt: skip


def order(id_: int, event_: int, leg: str, side: str, position: int) -> OrderFact:
    return OrderFact(id_, event_, leg, 0, f"o{id_}", "XAUUSD", side, TEN, "filled", TEN, TEN, 1, position)


def exchange(of: SignalEvent, answer: Answer | None = DONE, began: float = 0) -> Exchange:
    return Exchange("a", of, answer, began or of.timestamp_ms / 1000, (began or of.timestamp_ms / 1000) + 0.6)


def world() -> World:
    refused = replace(
        event(4, "SIGNAL_OPEN", "p3"), state="refused", error="InsufficientFunds", refused_by="broker", reason="No."
    )
    return World(
        events=(
            event(1, "SIGNAL_OPEN", "p1"),
            event(2, "SIGNAL_REOPEN", "p2", "SELL"),
            event(3, "SIGNAL_CLOSE", "p2", "SELL"),
            refused,
        ),
        orders=(
            order(1, 1, "open", "BUY", 1),
            order(2, 2, "close", "SELL", 1),
            order(3, 2, "open", "SELL", 2),
            order(4, 3, "close", "BUY", 2),
        ),
        positions=(
            PositionFact(1, "a", "s", "XAUUSD", "BUY", Decimal(0), "closed"),
            PositionFact(2, "a", "s", "XAUUSD", "SELL", Decimal(0), "closed"),
        ),
        alerts=(),
        books=(
            Accepted("o1", "BUY", "open", at(1.1), at(1.1)),
            Accepted("o2", "SELL", "close", at(2.1), at(2.1)),
            Accepted("o3", "SELL", "open", at(2.2), at(2.2)),
            Accepted("o4", "BUY", "close", at(3.1), at(3.1)),
        ),
        net_={},
        history=(
            exchange(signal("SIGNAL_OPEN", "p1", 1000)),
            exchange(signal("SIGNAL_REOPEN", "p2", 2000, "SELL")),
            exchange(signal("SIGNAL_CLOSE", "p2", 3000, "SELL")),
            exchange(signal("SIGNAL_OPEN", "p3", 4000), NO_FUNDS),
        ),
    )


def changed(name: str, index: int, **values: object) -> Callable[[World], World]:
    """The world with one member of one of its lists changed."""

    def change(good: World) -> World:
        members = list(getattr(good, name))
        members[index] = replace(members[index], **values)
        return with_list(good, name, members)

    return change


def without(name: str, index: int) -> Callable[[World], World]:
    """The world without one member of one of its lists."""
    return lambda good: with_list(good, name, [m for i, m in enumerate(getattr(good, name)) if i != index])


def plus(name: str, member: object) -> Callable[[World], World]:
    """The world with one member more in one of its lists."""
    return lambda good: with_list(good, name, [*getattr(good, name), member])


def with_list(good: World, name: str, members: list[object]) -> World:
    """The world with another list under this name."""
    values: dict[str, Any] = {name: tuple(members)}
    return replace(good, **values)
