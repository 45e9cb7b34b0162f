"""The bridge in one process, as most integration tests use it."""

from collections.abc import Iterator

import pytest

from shared.database.engine import Sessions
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge


@pytest.fixture
def bridge(sessions: Sessions, database_url: str) -> Iterator[Bridge]:
    """A running bridge with the account `alice`."""
    with bridges.running(sessions, database_url) as running:
        running.open_account()
        yield running
