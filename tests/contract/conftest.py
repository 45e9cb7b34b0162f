"""Runs every case of the suite on every adapter, and skips by name what an adapter's far end cannot be made to do."""

from collections.abc import Callable, Iterator

import pytest

from tests.contract.bench import SETUPS, VARIANTS, Bench
from workers.brokers.base import Broker

ON_POSTGRESQL = {"paper", "http"}
"""Adapters whose far end keeps its books in a database of its own; making one takes longer than most cases."""


@pytest.fixture(params=SETUPS)
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """One adapter's bench."""
    needs_database = request.param.partition("-")[0] in ON_POSTGRESQL
    database_url = request.getfixturevalue("database_url") if needs_database else ""
    with (SETUPS | VARIANTS)[request.param](database_url) as ready:
        yield ready


@pytest.fixture
def broker(bench: Bench) -> Broker:
    """A broker to which nothing unusual happens."""
    return bench.broker()


@pytest.fixture
def staged(bench: Bench) -> Callable[..., Broker]:
    """Makes a broker whose submits meet what the words say, one after the other."""

    def make(*words: str, slow: bool = False) -> Broker:
        for word in words:
            if reason := bench.cannot.get(word) or bench.cannot.get(word.partition(":")[0]):
                pytest.skip(f"{word} cannot be staged: {reason}")
        return bench.slow_broker(*words) if slow else bench.broker(*words)

    return make
