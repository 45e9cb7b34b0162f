"""Plays many worlds and shows what happened: `python -m tests.simulation --seeds 2000`, or `--replay SEED` for one."""

import json
import sys
import time
from collections import Counter
from contextlib import nullcontext

import click
from rich.console import Console
from rich.table import Table

from tests.simulation import fleet
from tests.simulation.trial import Trial
from tests.support.progress_bar import shown

SHOWN = 3  # failing worlds whose whole story is printed


@click.command()
@click.option("--seeds", default=2000, show_default=True, help="How many worlds.")
@click.option("--first", default=0, show_default=True, help="The first seed.")
@click.option("--processes", default=2, show_default=True)
@click.option("--replay", type=int, help="Play this one seed, and tell its whole story.")
@click.option("--until-failure", is_flag=True, help="Stop at the first world that breaks an invariant.")
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON in place of the table.")
def main(seeds: int, first: int, processes: int, replay: int | None, until_failure: bool, as_json: bool) -> None:
    """Plays worlds of consecutive seeds; exits with 1 where an invariant was broken."""
    if replay is not None:
        sys.exit(_replay(replay))
    began = time.monotonic()
    trials: list[Trial] = []
    with nullcontext(_quietly) if as_json else shown("worlds", seeds) as advance:
        for trial in fleet.play(range(first, first + seeds), processes):
            trials.append(trial)
            advance()
            if trial.violations and until_failure:
                break
    seconds = time.monotonic() - began
    if as_json:
        print(json.dumps(_summary(trials, seconds)))  # noqa: T201  # the output of the command
    else:
        _show(trials, seconds)
    sys.exit(any(trial.violations for trial in trials))


def _quietly() -> None:
    """One world more, of which nobody wants to hear."""


def _replay(seed: int) -> int:
    trial = next(iter(fleet.play([seed], 1, always_tell=True)))
    Console(highlight=False, soft_wrap=True).print(trial.story, markup=False)
    return int(bool(trial.violations))


def _summary(trials: list[Trial], seconds: float) -> dict[str, object]:
    failing = sorted((trial for trial in trials if trial.violations), key=lambda trial: trial.seed)
    return {
        "worlds": len(trials),
        "seconds": round(seconds, 1),
        "residual": sum(bool(trial.residual) for trial in trials),
        "failing": len(failing),
        "first": {"seed": failing[0].seed, "violations": failing[0].violations} if failing else None,
        "counts": dict(sorted(_total(trials).items())),
    }


def _total(trials: list[Trial]) -> Counter[str]:
    total: Counter[str] = Counter()
    for trial in trials:
        total.update(trial.counts)
    return total


def _show(trials: list[Trial], seconds: float) -> None:
    console = Console(highlight=False, soft_wrap=True)
    failing = sorted((trial for trial in trials if trial.violations), key=lambda trial: trial.seed)
    for trial in failing[:SHOWN]:
        console.print(trial.story, markup=False)
        console.print(f"replay it: python -m tests.simulation --replay {trial.seed}\n")
    table = Table("what", "how often", title=f"{len(trials)} worlds in {seconds:.0f} s")
    table.columns[1].justify = "right"
    for name, number in sorted(_total(trials).items()):
        table.add_row(name, str(number))
    table.add_row("worlds with an order that came after its deadline, and so twice or too late", str(_residual(trials)))
    table.add_row("worlds that broke an invariant", str(len(failing)))
    console.print(table)
    for trial in failing:
        console.print(f"seed {trial.seed}: {trial.violations[0]}", markup=False)


def _residual(trials: list[Trial]) -> int:
    return sum(bool(trial.residual) for trial in trials)


if __name__ == "__main__":
    main()
