"""`make manage`: what the server beside a `make run` is given."""

import os
import socket
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from tools.local import management, services

RUNS = {"DATABASE_URL": "postgresql://db/x", "REDIS_URL": "redis://r", "BRIDGE_SECRET_KEY": "k", "PORT": "80"}


@pytest.fixture
def port() -> dict[str, str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return {"BRIDGE_MANAGEMENT_PORT": str(server.getsockname()[1])}


def test_it_works_on_what_make_run_has_announced_with_a_key_that_is_made_once(
    tmp_path: Path, port: dict[str, str]
) -> None:
    with services.running(tmp_path, RUNS):
        given, again = (management.prepare(tmp_path, port) for _ in range(2))
    assert {name: given[name] for name in RUNS} == RUNS
    assert len(given["BRIDGE_MANAGEMENT_KEY"]) >= 32
    assert given == again
    assert os.stat(tmp_path / "management.key").st_mode & 0o077 == 0


def test_what_the_environment_says_goes_first(tmp_path: Path, port: dict[str, str]) -> None:
    chosen = {**port, "DATABASE_URL": "postgresql://other/y", "BRIDGE_MANAGEMENT_KEY_FILE": "/run/key"}
    with services.running(tmp_path, RUNS):
        given = management.prepare(tmp_path, chosen)
    assert given == {**RUNS, **chosen}


def test_without_a_database_it_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="make manage: There is no DATABASE_URL, and `make run` is not running here"):
        management.main(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken = str(server.getsockname()[1])
        with pytest.raises(ConfigurationError, match=f"port {taken} .* BRIDGE_MANAGEMENT_PORT="):
            management.prepare(tmp_path, {"DATABASE_URL": "postgresql://x", "BRIDGE_MANAGEMENT_PORT": taken})
