"""The ports of `make run`: by their names, or from a file, and free."""

import socket
from pathlib import Path

import pytest

from shared.errors import ConfigurationError
from tools.local import preparation

HOST = "127.0.0.1"


@pytest.fixture
def free() -> str:
    with socket.create_server((HOST, 0)) as server:
        return str(server.getsockname()[1])


def test_a_port_may_come_from_a_file_which_goes_before_the_variable(free: str, tmp_path: Path) -> None:
    (tmp_path / "port").write_text(f"{free}\n")
    given = {"PORT": "1", "PORT_FILE": str(tmp_path / "port")}
    assert preparation.port(given, "PORT", 8000, HOST) == int(free)


@pytest.mark.parametrize("text", ["0", "65536", "-1", "http", "8000.0", "²"])
def test_what_is_no_port_is_refused_by_name(text: str) -> None:
    with pytest.raises(ConfigurationError, match="FLOWER_PORT"):
        preparation.port({"FLOWER_PORT": text}, "FLOWER_PORT", 5555, HOST)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"PORT_FILE: .*gone cannot be read \(FileNotFoundError\)"):
        preparation.port({"PORT_FILE": str(tmp_path / "gone")}, "PORT", 8000, HOST)


def test_a_port_that_is_taken_is_named_with_the_way_out() -> None:
    with socket.create_server((HOST, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"port {port} .* choose another with PORT="):
            preparation.port({"PORT": str(port)}, "PORT", 8000, HOST)
