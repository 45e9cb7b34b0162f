"""The table of a run: as Markdown for people, as JSON for comparison. Pure."""

import json
from collections.abc import Mapping, Sequence

from tests.benchmarks.limits import Row
from tests.benchmarks.samples import Sample

HEAD = ("figure", "bridge", "baseline", "value", "must", "aim", "verdict", "how")


def markdown(rows: Sequence[Row], facts: Mapping[str, str]) -> str:
    """One line a figure: medians with their spread, and below it what else is to be known of the run."""
    lines = [_line(HEAD), _line(["---"] * len(HEAD)), *(_line(_cells(row)) for row in rows)]
    return "\n".join([*lines, "", *(f"- {name}: {value}" for name, value in facts.items())]) + "\n"


def line(row: Row) -> str:
    """One figure, as soon as it is known."""
    return _line(_cells(row))


def json_text(rows: Sequence[Row], facts: Mapping[str, str]) -> str:
    """Everything that was measured, by round."""
    return json.dumps({"rows": [_members(row) for row in rows], "facts": dict(facts)}, indent=2) + "\n"


def _cells(row: Row) -> list[str]:
    limit = row.limit
    sign = ">=" if limit.at_least else "<="
    bounds = [f"{sign} {bound:g} {limit.unit}".strip() for bound in (limit.must, limit.aim)]
    value = f"{row.value:.3g} {limit.unit}".strip()
    theirs = _told(row.theirs, row.unit) if row.theirs else ""
    return [
        f"{row.name} {limit.figure}",
        _told(row.ours, row.unit),
        theirs,
        value,
        *bounds,
        str(row.verdict),
        row.note,
    ]


def _told(figures: Sample, unit: str) -> str:
    return f"{figures.median:.4g} {unit} (±{figures.spread / 2:.0%})"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _members(row: Row) -> dict[str, object]:
    theirs = None if row.theirs is None else list(row.theirs.values)
    measured = {"unit": row.unit, "bridge": list(row.ours.values), "baseline": theirs, "how": row.note}
    limit = {"must": row.limit.must, "aim": row.limit.aim, "figure": row.limit.figure}
    return {"name": row.name, "value": row.value, "verdict": str(row.verdict), **limit, **measured}
