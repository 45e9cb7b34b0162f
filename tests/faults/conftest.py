"""The bridge in one process, for the tests of the checker itself; and logs that nobody reads."""

from collections.abc import Iterator

import pytest
import structlog

from shared.database.engine import Sessions
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Faults are what these tests are about: their tracebacks would only cost time."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    yield
    structlog.reset_defaults()


@pytest.fixture
def bridge(sessions: Sessions, database_url: str) -> Iterator[Bridge]:
    """A running bridge with the account `alice`."""
    with bridges.running(sessions, database_url, grace=0.1) as running:
        running.open_account()
        yield running
