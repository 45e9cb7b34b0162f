"""What became of the cases of the suite on each adapter, as pytest tells it while it runs."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

CASE = re.compile(r"test_bc_(\d{3})_(\w+)")
PASSED, SKIPPED, FAILED = "passed", "skipped", "failed"


@dataclass(frozen=True, slots=True)
class Line:
    """One try of one case on one adapter; `reason` says why it was skipped or how it failed."""

    adapter: str
    case: str
    outcome: str
    reason: str


@dataclass
class Scoreboard:
    """A pytest plugin. It keeps the cases of the suite only, and of the chosen adapters only."""

    adapters: frozenset[str]
    lines: list[Line] = field(default_factory=list)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leaves out what is no case of the suite, or of no chosen adapter."""
        wanted = [item for item in items if _adapter(item) and (not self.adapters or _adapter(item) in self.adapters)]
        config.hook.pytest_deselected(items=[item for item in items if item not in wanted])
        items[:] = wanted

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
        """Notes how the try ended: a failure of the set-up or of the taking down counts as one of the case."""
        report: pytest.TestReport = yield  # type: ignore[assignment]  # what the other plugins made of it
        if report.when == "call" or report.outcome != PASSED:
            self.lines.append(Line(_adapter(item), _case(item), report.outcome, _reason(report)))
        return report  # type: ignore[return-value]

    def counted(self) -> dict[str, Counter[str]]:
        """By adapter: how many tries ended in each way."""
        found: dict[str, Counter[str]] = {}
        for line in self.lines:
            found.setdefault(line.adapter, Counter())[line.outcome] += 1
        return found


def _adapter(item: pytest.Item) -> str:
    """The adapter on which a case is tried; empty for what is no case of the suite."""
    if not isinstance(item, pytest.Function) or not CASE.match(item.name) or not hasattr(item, "callspec"):
        return ""
    return str(item.callspec.params.get("bench", ""))


def _case(item: pytest.Item) -> str:
    found = CASE.match(item.name)
    return f"BC-{found[1]} {found[2].replace('_', ' ')}" if found else item.name


def _reason(report: pytest.TestReport) -> str:
    """The words of a skip, or the last line of a failure."""
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    lines = str(report.longrepr or "").strip().splitlines()
    return lines[-1] if report.failed and lines else ""
