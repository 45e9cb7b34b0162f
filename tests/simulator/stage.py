"""What the tests of the simulator stand on: an integration, a simulator, and a webhook that answers as it is told."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from shared.domain import Direction, EventType
from tools.http_post import HttpAnswer, PostFailed
from tools.simulator import app
from tools.simulator.app import Simulator
from tools.simulator.delivery import Post
from tools.simulator.misbehaviour import WELL_BEHAVED, Misbehaviour
from tools.simulator.model import Integration, Ticket
from tools.simulator.settings import Settings

TOKEN = "secret-token-of-the-receiver"
INTEGRATION = Integration(
    id="i1",
    name="user@example.com",
    description="Foo Bar FX",
    image_url="https://foo.bar/logo.png",
    user_email="user@example.com",
    webhook_url="https://foo.bar/api/proquant",
    headers={"Authorization": f"Bearer {TOKEN}"},
)
GOLD = Ticket("XAUUSD", Direction.BUY, Decimal(10))


def request(**changes: object) -> dict[str, Any]:
    """An integration request as in the guide."""
    whole = {
        "name": "user@example.com",
        "description": "Foo Bar FX",
        "imageUrl": "https://foo.bar/logo.png",
        "userEmail": "user@example.com",
        "webhook": {"url": "https://foo.bar/api/proquant", "headers": {"Authorization": f"Bearer {TOKEN}"}},
    }
    return {**whole, **changes}


@dataclass
class Webhook:
    """Answers 200, or what `answers` says for each call in turn; None is no answer. Remembers what it got.

    `answered`: how many it answers; the others wait. None: all.
    """

    answers: list[HttpAnswer | None] = field(default_factory=list)
    got: list[tuple[str, dict[str, Any], dict[str, str]]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    answered: threading.Semaphore | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout: float) -> HttpAnswer:
        with self.lock:
            self.got.append((url, json.loads(body), dict(headers)))
            answer = self.answers.pop(0) if self.answers else HttpAnswer(200, {}, b"")
        if self.answered is not None:
            assert self.answered.acquire(timeout=timeout)
        if answer is None:
            raise PostFailed(f"{url} cannot be reached with {TOKEN}")
        return answer

    def types(self) -> list[str]:
        """The events that came, in their order."""
        return [body["v1"]["event"]["type"] for _, body, _ in self.got]


def error(status: int, type_: str) -> HttpAnswer:
    """An answer as the guide wants it."""
    headers = {"content-type": "application/json", "x-proquant-error": "1"}
    return HttpAnswer(status, headers, json.dumps({"type": type_}).encode())


def simulator(post: Post, behaviour: Misbehaviour = WELL_BEHAVED, seed: int = 1) -> Simulator:
    """A simulator that sends through `post`, with next to no pauses."""
    return app.make(Settings(seed, False, None, behaviour), post, patience=0.02)


def onboarded(made: Simulator, **changes: object) -> tuple[str, str]:
    """An integration that is approved, and enabled for the first strategy: their ids."""
    integration = made.app_user.request(json.dumps(request(**changes)).encode())
    made.app_user.say(integration.id, EventType.INTEGRATION_APPROVED)
    strategy = next(iter(made.state.view().strategies))
    made.app_user.enable(strategy, integration.id, True)
    return integration.id, strategy
