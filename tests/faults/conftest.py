"""The bridge in one process, for the tests of the checker itself."""

from collections.abc import Iterator

import pytest

from shared.db import Sessions
from tests import bridge as bridges
from tests.bridge import Bridge


@pytest.fixture
def bridge(sessions: Sessions, database_url: str) -> Iterator[Bridge]:
    """A running bridge with the account `alice`."""
    with bridges.running(sessions, database_url, grace=0.1) as running:
        running.open_account()
        yield running
