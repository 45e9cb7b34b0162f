"""Writes docs/reference/metrics.md from the descriptions of the metrics."""

from collections.abc import Iterator

from receiver import metrics
from receiver.metric_descriptions import DESCRIPTIONS, PREFIX, Description
from tests.architecture.reference import markdown

HEADS = ("name", "type", "labels", "unit", "meaning", "alert on")


def page() -> str:
    """The whole page."""
    lines = markdown.generated("Metrics", "`receiver/metric_descriptions.py`", markdown.prose(metrics.__doc__))
    return "\n".join([*lines, *markdown.table(HEADS, map(_row, DESCRIPTIONS))])


def _row(description: Description) -> Iterator[str]:
    yield f"`{PREFIX}_{description.name}`"
    yield description.family().type
    yield f"`{description.label}`: {description.values}" if description.label else ""
    yield description.unit
    yield description.words
    yield f"`{_expression(description)}`" if description.alert else ""


def _expression(description: Description) -> str:
    name = f"{PREFIX}_{description.name}"
    if description.alert.startswith("delta("):
        return description.alert.replace("delta(", f"delta({name}")
    return f"{name}{'' if description.alert.startswith('{') else ' '}{description.alert}"
