"""Pictures of a run: latency against load for both sides, throughput against history. Needs the extra `bench`."""

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import measures
from tests.benchmarks.measures import Field, Past
from tests.benchmarks.samples import percentile

SHARES = {"p50": 0.5, "p99": 0.99}


@dataclass(frozen=True, slots=True)
class Point:
    """What one side answered at one load; milliseconds from the moment at which each request was due."""

    rate: float
    latencies: Mapping[str, float]


def measure(ground: Field) -> dict[str, list[Point]]:
    """Each side at each rate, workers stopped, as in B2."""
    found: dict[str, list[Point]] = {side.label: [] for side in ground.sides}
    for rate in ground.scale.rates:
        for side in ground.sides:
            ground.tell(f"{rate} events/s, {side.label}")
            side.stop_workers()
            side.forget()
            latencies = measures.steady(side, rate, ground.scale).latencies
            found[side.label].append(
                Point(rate, {name: percentile(latencies, share) * 1000 for name, share in SHARES.items()})
            )
    return found


def draw_latency(points: Mapping[str, Sequence[Point]], path: Path) -> None:
    """Writes a PNG; both axes are logarithmic."""
    axes = _axes()
    for label, measured in points.items():
        for name in SHARES:
            rates = [point.rate for point in measured]
            axes.plot(rates, [point.latencies[name] for point in measured], marker="o", label=f"{label} {name}")
    axes.set(xscale="log", yscale="log", xlabel="events a second", ylabel="milliseconds to the answer")
    axes.grid(visible=True, which="both", alpha=0.3)
    axes.legend()
    axes.figure.savefig(path)


def draw_history(pasts: Sequence[Past], path: Path) -> None:
    """Writes a PNG; the sizes stand at equal distances, whatever is between them."""
    axes = _axes()
    axes.plot([past.accepted for past in pasts], marker="o", label="accepted events a second")
    axes.plot([past.drained for past in pasts], marker="o", label="drained orders a second")
    axes.set_xticks(range(len(pasts)), [f"{past.events:,}" for past in pasts])
    axes.set(xlabel="finished events in the tables", ylim=(0, None))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(loc="center right")
    axes.figure.savefig(path)


def require() -> Any:
    """What draws. Raises ImportError where the extra `bench` is not installed."""
    return importlib.import_module("matplotlib.figure")  # by name: nothing else here needs the extra


def _axes() -> Any:
    pictures = require()
    return pictures.Figure(figsize=(7, 4.5), dpi=120).subplots()
