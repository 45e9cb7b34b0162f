"""A webhook, and a simulator that sends to it."""

from collections.abc import Iterator

import pytest

from tests.simulator import stage
from tests.simulator.stage import Webhook
from tools.simulator.app import Simulator


@pytest.fixture
def webhook() -> Webhook:
    """Answers 200 unless told otherwise."""
    return Webhook()


@pytest.fixture
def simulator(webhook: Webhook) -> Iterator[Simulator]:
    """A simulator that behaves well, and sends to the webhook."""
    made = stage.simulator(webhook.post)
    yield made
    made.sender.close()
