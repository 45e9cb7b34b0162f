"""A monotonic clock that stands still until a test moves it."""

from dataclasses import dataclass


@dataclass
class Ticking:
    """Seconds."""

    at: float = 100.0

    def __call__(self) -> float:
        return self.at
