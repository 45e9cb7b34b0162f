"""What the benchmark's broker was asked to do, in a file that all its processes append to, with the moment of each."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workers.brokers.base import OrderRequest


@dataclass(frozen=True, slots=True)
class Call:
    """One order that reached the broker. `at`: seconds of the machine's monotonic clock, the same in every process."""

    at: float
    client_order_id: str
    position: str
    leg: str


class Pen:
    """Appends calls: one write each, which the system does not mix with those of other processes."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, order: OrderRequest) -> None:
        line = f"{time.monotonic_ns()} {order.client_order_id} {order.proquant_position_id} {order.leg}\n"
        os.write(self._file, line.encode())

    def close(self) -> None:
        os.close(self._file)


@dataclass(slots=True)
class Calls:
    """The same file, read on from where the last look ended."""

    path: Path
    _read: int = 0

    def new(self) -> list[Call]:
        """The calls since the last look; a line that is still being written is left for the next."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as lines:
            lines.seek(self._read)
            text = lines.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        return list(_parsed(whole.decode()))


def _parsed(text: str) -> Iterator[Call]:
    for line in text.splitlines():
        nanoseconds, client_order_id, position, leg = line.split(" ")
        yield Call(int(nanoseconds) / 1e9, client_order_id, position, leg)
