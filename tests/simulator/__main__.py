"""`python -m tests.simulator`: a thousand events from a simulator that misbehaves, on a PostgreSQL of their own."""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import click
import structlog

from shared.database import migrate
from shared.database.engine import make_engine, make_sessions
from tests.simulator import trial
from tools.local import lock, postgres


@click.command()
@click.option("--events", default=1000, show_default=True, type=click.IntRange(1, 20_000))
@click.option("--seed", default=1, show_default=True, help="The same seed misbehaves alike.")
def main(events: int, seed: int) -> None:
    """Prints what there was and what is wrong; exit code 1 if anything is."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    folder = Path(tempfile.mkdtemp(prefix="pqb-simulator-"))
    with lock.held(folder), postgres.running(folder, {"fsync": "off", "max_connections": "300"}) as url:
        migrate.upgrade(url)
        engine = make_engine(url)
        began = time.monotonic()
        outcome = trial.run(make_sessions(engine), url, events, seed)
        engine.dispose()
    shutil.rmtree(folder)
    for name, number in sorted(outcome.counts.items()):
        click.echo(f"{number:6d}  {name}")
    for violation in outcome.violations[:20]:
        click.echo(f"VIOLATION {violation}")
    click.echo(f"{len(outcome.violations)} violations in {time.monotonic() - began:.0f} seconds")
    sys.exit(1 if outcome.violations else 0)


if __name__ == "__main__":
    main()
