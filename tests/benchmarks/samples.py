"""Figures of repeated measurements: median, spread, percentile, ratio. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos import score


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure, measured once a round."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """How far apart the rounds were, as a share of the median: (largest - smallest) / median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


def sample(values: Sequence[float]) -> Sample:
    """Raises ValueError of nothing: what was not measured has no figure."""
    if not values:
        raise ValueError("Nothing was measured.")
    return Sample(tuple(values))


def ratio(ours: Sample, theirs: Sample) -> float:
    """Of the medians. Not the median of ratios: a round's two halves are no pair, only neighbours."""
    return ours.median / theirs.median


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below `share` of all. Raises ValueError of nothing."""
    found = score.percentile(values, share)
    if found is None:
        raise ValueError("Nothing was measured.")
    return found
