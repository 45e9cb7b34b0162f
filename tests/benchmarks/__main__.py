"""`make bench`: measures the bridge beside the baseline, and writes var/bench/report.md, report.json and plots."""

import argparse
import math
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tests.benchmarks import history, load, measures, memory, plots, report, site
from tests.benchmarks.limits import Row, Verdict
from tests.benchmarks.measures import Field
from tests.benchmarks.samples import percentile
from tests.benchmarks.scale import FULL, QUICK, Scale
from tests.benchmarks.sides import Baseline, Bridge
from tests.benchmarks.site import Site

MEASURES: dict[str, Callable[[Field], Row]] = {
    "B1": measures.b1,
    "B1-plain": measures.b1_plain,
    "B2": measures.b2,
    "B3": measures.b3,
    "B4": measures.b4,
    "B5": measures.b5,
    "B6": history.b6,
    "B7": measures.b7,
    "B8": memory.b8,
    "B9": memory.b9,
    "B10": measures.b10,
}
CEILING_EVENTS = 3000


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if every figure reached its must, 1 if one missed it."""
    chosen = _parser().parse_args(arguments)
    names = chosen.only.split(",") if chosen.only else list(MEASURES)
    scale = QUICK if chosen.quick else replace(FULL, memory_seconds=math.inf) if chosen.full else FULL
    if _draws(names, scale):
        plots.require()  # now: measuring takes ten minutes
    chosen.report.mkdir(parents=True, exist_ok=True)
    folder, console = Path(tempfile.mkdtemp(prefix="pqb-bench-")), Console()
    try:
        with _progress(console) as progress, site.running(folder) as ground:
            rows, facts = _run(ground, names, scale, progress, chosen.report)
    except BaseException:
        console.print(f"Failed; the logs of every process are in {folder}")
        raise
    shutil.rmtree(folder)
    text = report.markdown(rows, facts)
    (chosen.report / "report.md").write_text(text)
    (chosen.report / "report.json").write_text(report.json_text(rows, facts))
    console.print(text, markup=False, soft_wrap=True)
    return int(any(row.verdict is Verdict.MISSED for row in rows))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="under a minute; says little about ratios near their limit"
    )
    parser.add_argument("--full", action="store_true", help="B8 with 200,000 events, however long that takes")
    parser.add_argument("--only", help="some of the figures, such as B1,B4")
    parser.add_argument("--report", type=Path, default=Path("var/bench"), help="the folder to write to")
    return parser


def _progress(console: Console) -> Progress:
    return Progress(TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console)


def _run(
    ground: Site, names: Sequence[str], scale: Scale, progress: Progress, reports: Path
) -> tuple[list[Row], dict[str, str]]:
    bar = progress.add_task("starting", total=len(names))
    bridge, baseline = Bridge(ground), Baseline(ground)
    bridge.start()
    baseline.start()
    field = Field(bridge, baseline, scale, partial(_tell, progress, bar, "starting"))
    facts, rows = _facts(baseline), []
    for name in names:
        field.tell = partial(_tell, progress, bar, name)
        rows.append(MEASURES[name](field))
        progress.advance(bar)
        progress.console.print(report.line(rows[-1]), markup=False, soft_wrap=True)
    if _draws(names, scale):
        field.tell = partial(_tell, progress, bar, "plot")
        plots.draw_latency(plots.measure(field), reports / "latency.png")
        plots.draw_history(field.pasts, reports / "history.png")
    return rows, facts


def _draws(names: Sequence[str], scale: Scale) -> bool:
    return bool(scale.rates) and set(names) == set(MEASURES)


def _tell(progress: Progress, bar: TaskID, name: str, text: str) -> None:
    progress.update(bar, description=f"{name}: {text}")


def _facts(baseline: Baseline) -> dict[str, str]:
    """What a reader must know of the run; the generator against a route that does nothing is its own ceiling."""
    bare = load.fire(baseline.bare(), load.plan("bare", CEILING_EVENTS, 100, 32))
    return {
        "processors": str(os.cpu_count()),
        "Python": platform.python_version(),
        "load average before": f"{os.getloadavg()[0]:.1f}",
        "generator against a bare Flask route": f"{bare.rate:.0f}/s with {bare.client_cpu:.0%} of a core",
        "its p99": f"{percentile(bare.latencies, 0.99) * 1000:.1f} ms",
    }


if __name__ == "__main__":
    sys.exit(main())
