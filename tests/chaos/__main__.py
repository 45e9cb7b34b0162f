"""`make chaos`: puts the bridge, and the baseline after it, through the same faults, and prints one table."""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from tests.chaos import report, trial
from tests.chaos.baseline_system import Baseline
from tests.chaos.bridge_system import Bridge
from tests.chaos.broker_server import DEDUPES
from tests.chaos.systems import System
from tests.chaos.trial import Outcome, Settings

SYSTEMS: dict[str, Callable[[], System]] = {"bridge": Bridge, "baseline": Baseline}


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if the bridge kept every promise, 1 if it broke one, 130 when it was stopped."""
    chosen = _parser().parse_args(arguments)
    settings = Settings(chosen.minutes * 60, chosen.seed, chosen.rate, chosen.calm, chosen.dedupe)
    folder = Path(tempfile.mkdtemp(prefix="pqb-chaos-"))
    console = Console()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        outcomes = _run_all(chosen.systems, settings, folder, chosen.report, console)
    except KeyboardInterrupt:
        console.print(f"Stopped; the logs of every process are in {folder}")
        return 130
    except BaseException:
        console.print(f"Failed; the logs of every process are in {folder}")
        raise
    console.print(report.terminal(settings, outcomes))
    return _conclude(outcomes, folder, chosen.keep, console)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=2, help="events a second (default: 2)")
    parser.add_argument("--calm", action="store_true", help="no faults")
    parser.add_argument("--dedupe", choices=DEDUPES, default="lifetime", help="what the broker does with a known id")
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    parser.add_argument("--report", type=Path, help="a folder for report.md and report.json")
    parser.add_argument("--keep", action="store_true", help="keep logs, books and history of a good run too")
    return parser


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _run_all(
    names: Sequence[str], settings: Settings, folder: Path, reports: Path | None, console: Console
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for name in names:
        system = SYSTEMS[name]()
        (folder / name).mkdir()
        folder.chmod(0o711)  # PostgreSQL may run as another user, who must pass
        with _progress(console) as progress:
            task = progress.add_task(f"{system.name}: starting", total=settings.seconds)
            watch = partial(_show, progress, task, system.name)
            outcomes.append(trial.run(system, settings, folder / name, watch))
        if reports is not None:
            _write(settings, outcomes, reports)
    return outcomes


def _progress(console: Console) -> AbstractContextManager[Progress]:
    return Progress(TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=console)


def _show(progress: Progress, task: object, name: str, over: float, text: str) -> None:
    progress.update(task, completed=over, description=f"{name}: {text}")  # type: ignore[arg-type]


def _write(settings: Settings, outcomes: Sequence[Outcome], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text(report.markdown(settings, outcomes))
    (folder / "report.json").write_text(report.json_text(settings, outcomes))


def _conclude(outcomes: Sequence[Outcome], folder: Path, keep: bool, console: Console) -> int:
    bridge = [outcome for outcome in outcomes if outcome.system == Bridge.name]
    for violation in [violation for outcome in bridge for violation in outcome.verdict.violations or ()]:
        console.print(f"{violation.invariant} {violation.subject}: {violation.seen}", style="red", markup=False)
    good = all(map(report.is_good, bridge))
    if good and not keep:
        shutil.rmtree(folder)
    else:
        console.print(f"Logs of every process, books and history: {folder}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
