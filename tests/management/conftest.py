"""The management API on the test's own database, beside a running bridge."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from receiver.authentication import Throttle
from shared.config import Config, load
from shared.database.engine import Sessions
from shared.proquant.integrations_api import IntegrationRequest, RequestAnswer, RequestTaken
from tests.support import in_process_bridge as bridges
from tests.support.in_process_bridge import Bridge
from tools.management.app import ManagementContext, make_routes
from tools.management.key import Lock

KEY = "a-management-key-of-the-tests"


@dataclass
class ProQuant:
    """Answers as it is told, and remembers what it was asked."""

    answer: RequestAnswer = field(default_factory=RequestTaken)
    sent: list[IntegrationRequest] = field(default_factory=list)

    def __call__(self, url: str, request: IntegrationRequest) -> RequestAnswer:
        self.sent.append(request)
        return self.answer


@dataclass
class Management:
    """A caller with the right key, and the ProQuant behind it."""

    client: FlaskClient
    proquant: ProQuant

    def __call__(self, method: str, path: str, body: object = None, **headers: str) -> TestResponse:
        with_key = {"Authorization": f"Bearer {KEY}", **headers}
        if body is None:
            return self.client.open(path, method=method, headers=with_key)
        return self.client.open(path, method=method, json=body, headers=with_key)

    def json(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        answer = self(method, path, body)
        assert answer.status_code == status, answer.data
        return answer.json

    def token_sent(self) -> str:
        return self.proquant.sent[-1].headers["Authorization"].removeprefix("Bearer ")


@pytest.fixture
def bridge(sessions: Sessions, database_url: str) -> Iterator[Bridge]:
    """A running bridge without any account."""
    with bridges.running(sessions, database_url) as running:
        yield running


@pytest.fixture
def config(bridge: Bridge, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Config:
    """The settings of the management process."""
    (tmp_path / "key").write_text(KEY)
    monkeypatch.setenv("DATABASE_URL", bridge.database_url)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("BRIDGE_SECRET_KEY", bridge.secret_key)
    monkeypatch.setenv("BRIDGE_PUBLIC_URL", "https://bridge.example.com")
    monkeypatch.setenv("BRIDGE_MANAGEMENT_KEY_FILE", str(tmp_path / "key"))
    return load()


@pytest.fixture
def manage(config: Config, sessions: Sessions) -> Management:
    """The management API."""
    return managed(config, sessions)


def managed(config: Config, sessions: Sessions) -> Management:
    """The management API with these settings."""
    proquant = ProQuant()
    app = make_routes(ManagementContext(sessions, config, proquant), Lock(KEY, Throttle(pause=lambda _: None)))
    return Management(app.test_client(), proquant)
