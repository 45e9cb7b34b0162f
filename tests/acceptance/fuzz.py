"""`make fuzz`: odd bodies over HTTP against a run of its own.

python -m tests.acceptance.fuzz --count 100000
"""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from tests.acceptance import harness, live
from tests.acceptance.harness import ROOT
from tests.acceptance.live import WEBHOOK, Customer


@click.command()
@click.option("--count", default=100_000, show_default=True, type=click.IntRange(min=1))
@click.option("--seed", default=1, show_default=True, help="The same seed posts the same bodies.")
def main(count: int, seed: int) -> None:
    """Starts what make run starts, posts the bodies, and stops it."""
    with tempfile.TemporaryDirectory(prefix="pqb-fuzz-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)  # PostgreSQL's user must pass
        settings = {"BRIDGE_REORDER_GRACE_SECONDS": "0.2"}  # most CLOSEs find nothing here, and would wait longer
        run = harness.start(Path(name) / "var", settings=settings)
        try:
            with live.looking_at(run) as bridge:
                code = post(bridge.open_account("fuzz"), count, seed).returncode
        finally:
            run.stop(signal.SIGTERM)
    sys.exit(code)


def post(customer: Customer, count: int, seed: int, threads: int = 16) -> "subprocess.CompletedProcess[str]":
    """Posts `count` odd bodies to the customer's account in a process of its own, which prints what came back."""
    place = ["--url", f"{customer.live.run.base_url}{WEBHOOK}", "--token", customer.token]
    amount = ["--count", str(count), "--seed", str(seed), "--threads", str(threads)]
    return subprocess.run([sys.executable, "-m", "tests.fuzz.http", *place, *amount], cwd=ROOT, check=False, text=True)


if __name__ == "__main__":
    main()
