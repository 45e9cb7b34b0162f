"""Integrations and strategies outlive the process, in a file that nobody else may read."""

import stat
from pathlib import Path

import pytest

from shared.domain import EventType
from shared.errors import ConfigurationError
from tests.cli.runner import Cli
from tests.simulator.stage import GOLD, Webhook, onboarded
from tools.simulator.app import Simulator, make
from tools.simulator.misbehaviour import WELL_BEHAVED
from tools.simulator.settings import Settings


def started(file: Path, webhook: Webhook) -> Simulator:
    return make(Settings(1, False, file, WELL_BEHAVED), webhook.post, patience=0.02)


def test_the_next_process_goes_on_with_what_the_last_one_had(tmp_path: Path, webhook: Webhook) -> None:
    file = tmp_path / "kept.json"
    before = started(file, webhook)
    _, strategy = onboarded(before)
    before.app_user.signal(strategy, EventType.SIGNAL_OPEN, GOLD)
    before.sender.idle()
    before.sender.close()
    after = started(file, webhook)
    assert after.state.view().integrations == before.state.view().integrations
    assert after.state.view().strategies == before.state.view().strategies
    after.app_user.signal(strategy, EventType.SIGNAL_CLOSE, GOLD)
    after.sender.idle()
    after.sender.close()
    opened, closed = webhook.got[-2:]
    assert closed[2] == opened[2]
    assert closed[1]["v1"]["event"]["data"] == opened[1]["v1"]["event"]["data"]


def test_only_its_owner_may_read_the_file(tmp_path: Path, webhook: Webhook) -> None:
    made = started(tmp_path / "kept.json", webhook)
    onboarded(made)
    made.sender.close()
    assert stat.S_IMODE((tmp_path / "kept.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"integrations": [{}], "strategies": []}'])
def test_a_file_of_something_else_is_refused_by_its_name(tmp_path: Path, webhook: Webhook, text: str) -> None:
    file = tmp_path / "kept.json"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=r"kept\.json"):
        started(file, webhook)


def test_the_command_says_in_one_line_that_it_cannot_use_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SEED", "ALLOW_REMOTE", "DUPLICATES", "REORDERING", "RETRIES", "DELAY", "VERSIONS", "KEEP"):
        monkeypatch.setenv(f"SIMULATOR_{name}", "")  # the command sets them for its worker; here they end with the test
    (tmp_path / "kept.json").write_text("{}")
    done = Cli({})("simulator", "--keep", str(tmp_path / "kept.json"))
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1


def test_two_processes_never_give_the_same_ids(webhook: Webhook) -> None:
    """A bridge remembers the ids of positions: a second simulator's first signal must not look like the first one's."""
    ids = set()
    for _ in range(2):
        made = make(Settings(1, False, None, WELL_BEHAVED), webhook.post, patience=0.02)
        ids |= set(made.state.view().strategies)
        made.sender.close()
    assert len(ids) == 6
