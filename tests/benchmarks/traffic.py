"""What is sent: legal stories of OPEN and CLOSE over many strategies, as whole HTTP requests, and when. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from shared.domain import Direction, EventType, SignalEvent
from shared.proquant.request import signal_body

TICKER = "BTCUSD"
QUANTITY = Decimal(1)


@dataclass(frozen=True, slots=True)
class Traffic:
    """One run of the load. `rate`: events a second by the clock; None: each connection sends when it is answered.

    `name` makes strategies and positions differ from those of every other run; `epoch_ms`: the first event's timestamp.
    """

    name: str
    events: int
    strategies: int
    connections: int
    epoch_ms: int
    rate: float | None = None
    burst: bool = False  # everything is due at once

    def due(self, number: int) -> float | None:
        """Seconds from the beginning at which this event is due; None where it is due when its turn comes."""
        if self.burst:
            return 0.0
        return None if self.rate is None else number / self.rate


def event(traffic: Traffic, number: int) -> SignalEvent:
    """The strategies take turns; each opens a position, closes it, opens the next, and so on."""
    strategy, step = number % traffic.strategies, number // traffic.strategies
    type_ = EventType.SIGNAL_OPEN if step % 2 == 0 else EventType.SIGNAL_CLOSE
    name = f"{traffic.name}-{strategy}"
    return SignalEvent(
        type_, traffic.epoch_ms + number, name, name, f"{name}-{step // 2}", Direction.BUY, TICKER, QUANTITY
    )


def message(event: SignalEvent, path: str, headers: Mapping[str, str]) -> bytes:
    """The request of one event, with an `integration` of the size that ProQuant sends."""
    webhook = {"url": f"https://bridge.example{path}", "headers": {"authorization": headers["authorization"]}}
    integration = {
        "name": "user@example.com",
        "description": "Benchmark",
        "imageUrl": "https://bridge.example/logo.png",
    }
    body = signal_body(event, {**integration, "webhook": webhook})
    lines = {"host": "localhost", **headers, "content-type": "application/json", "content-length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body
