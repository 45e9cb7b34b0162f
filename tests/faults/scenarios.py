"""The stories that are told again for every point at which a process can die, and the brokers they are told to."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from shared.domain import Direction, Event, EventType, LifecycleEvent, SignalEvent

SELL = Direction.SELL
TEN = Decimal(10)
NO_FUNDS = "reject:InsufficientFunds"


@dataclass(frozen=True)
class Delivery:
    """One delivery. `unheard`: the doorbell comes only after the answer, so that the answer cannot wait for it."""

    event: Event
    unheard: bool = False

    def later(self, milliseconds: int) -> "Delivery":
        """The same, so much later."""
        return replace(self, event=replace(self.event, timestamp_ms=self.event.timestamp_ms + milliseconds))


@dataclass(frozen=True)
class Scenario:
    """A story: what is delivered, one after another, and what the broker makes of each submit (its `script`)."""

    name: str
    deliveries: tuple[Delivery, ...]
    script: str = ""
    wait: float = 60.0

    def of_now(self) -> "Scenario":
        """The same story with timestamps of now: to tell all of them takes longer than an OPEN may be old."""
        shift = _now_ms() - min(delivery.event.timestamp_ms for delivery in self.deliveries)
        return replace(self, deliveries=tuple(delivery.later(shift) for delivery in self.deliveries))


BROKERS: dict[str, dict[str, str]] = {
    "remembers ids for ever": {"dedupe": "lifetime"},
    "remembers ids while open": {"dedupe": "while_open"},
    "forgets ids": {"dedupe": "none"},
    "forgets ids, shows orders late": {"dedupe": "none", "settle_seconds": "0.3"},
}


def scenarios(now_ms: int | None = None) -> list[Scenario]:
    """All stories, with timestamps of now."""
    story = _Story(now_ms if now_ms is not None else _now_ms())
    tell = story.tell
    return [
        tell("open and close", "open p1", "close p1"),
        tell("flip twice", "open p1", "reopen p2", "reopen p3", "close p3"),
        tell("flip without an id of its own", "open p1", "reopen p1", "close p1"),
        tell("flip, and the open leg is refused", "open p1", "reopen p2", "open p3", script=f"ok,ok,{NO_FUNDS}"),
        tell("open refused", "open p1", "close p1", script=NO_FUNDS),
        tell("filled in part", "open p1", "close p1", "open p2", script="partial:0.5,partial:0.4,partial:0.5"),
        tell("flip, closed in parts", "open p1", "reopen p2", "close p2", script="ok,partial:0.3,partial:0.5"),
        tell("answers lost", "open p1", "close p1", script="timeout_accepted,timeout_accepted"),
        tell("orders lost", "open p1", "close p1", script="timeout_lost,timeout_lost,ok,timeout_lost"),
        tell("refusal lost", "open p1", "close p1", script="timeout_rejected:MarketClosed"),
        tell("flip in the dark", "open p1", "reopen p2", "close p2", script="ok,timeout_accepted,timeout_lost"),
        tell("broker away", "open p1", "close p1", script="unavailable:0.05,unavailable,ok,unavailable"),
        tell("order at work", "open p1", "close p1", script="accepted,accepted"),
        tell("order withdrawn", "open p1", "close p1", "open p2", script="cancelled"),
        tell("everything twice", "open p1", "open p1", "reopen p2", "reopen p2", "close p2", "close p2"),
        tell("close first", "close p1 later", "open p1", wait=0.0),
        tell("a second open, and a close of nothing", "open p1", "open p2", "close p1", "close p9"),
        tell("answered before it is known", "open p1 unheard", "close p1 unheard", wait=0.02, script=NO_FUNDS),
        tell("never waits", "open p1", "reopen p2", "close p2", wait=0.0),
        tell(
            "the life of an integration",
            "approved", "enabled", "open p1", "disabled", "open p2", "close p1", "deleted", "open p3",
        ),
    ]  # fmt: skip


def _now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


class _Story:
    """Turns words into deliveries whose timestamps grow."""

    def __init__(self, now_ms: int) -> None:
        self._ms = now_ms

    def tell(self, name: str, *words: str, script: str = "", wait: float = 60.0) -> Scenario:
        directions: dict[str, Direction] = {}
        seen: dict[str, Delivery] = {}
        deliveries = []
        for word in words:
            if word not in seen:
                seen[word] = self._delivery(word, directions)
            deliveries.append(seen[word])
        return Scenario(name, tuple(deliveries), script, wait)

    def _delivery(self, words: str, directions: dict[str, Direction]) -> Delivery:
        self._ms += 2
        kind, *rest = words.split()
        if kind in LIFECYCLE:
            return Delivery(LIFECYCLE[kind](self._ms))
        position = rest[0]
        last = directions.get("now", SELL)
        direction = last if kind == "close" else last.opposite
        directions["now"] = direction
        ms = self._ms + (1000 if "later" in rest else 0)
        event = SignalEvent(EventType(f"SIGNAL_{kind.upper()}"), ms, "s1", "Gold", position, direction, "XAUUSD", TEN)
        return Delivery(event, "unheard" in rest)


LIFECYCLE: dict[str, Callable[[int], Event]] = {
    "approved": lambda ms: LifecycleEvent(EventType.INTEGRATION_APPROVED, ms),
    "deleted": lambda ms: LifecycleEvent(EventType.INTEGRATION_DELETED, ms),
    "enabled": lambda ms: LifecycleEvent(EventType.STRATEGY_ENABLED, ms, "s1", "Gold"),
    "disabled": lambda ms: LifecycleEvent(EventType.STRATEGY_DISABLED, ms, "s1", "Gold"),
}
