"""One run that most acceptance tests share: each works in accounts of its own."""

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import harness, live
from tests.acceptance.live import Live


@pytest.fixture(scope="session")
def live_folder() -> Iterator[Path]:
    """Where the data folders are: PostgreSQL's user may not enter pytest's own."""
    with tempfile.TemporaryDirectory(prefix="pqb-live-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


@pytest.fixture(scope="session")
def bridge(live_folder: Path) -> Iterator[Live]:
    """A first run, up."""
    run = harness.start(live_folder / "var", settings={"WORKER_CONCURRENCY": "4"})
    with live.looking_at(run) as seen:
        yield seen
    assert run.stop(signal.SIGTERM) == 0, run.output
