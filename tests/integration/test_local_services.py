"""The embedded PostgreSQL and Redis: private, kept to their folder, gone when their owner is, back after any death."""

import json
import os
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from redis import AuthenticationError, Redis

from shared.errors import ConfigurationError
from tests.support.eventually import eventually
from tools.local import lock, postgres, services
from tools.local.orphan_processes import end_orphans

OWNER = """
import sys
from pathlib import Path
from tools.local import services
with services.running(Path(sys.argv[1]), {}) as entries:
    print("up", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def var() -> Iterator[Path]:
    """An empty data folder in a place that PostgreSQL's user may enter, as pytest's own folder is not."""
    with tempfile.TemporaryDirectory(prefix="pqb-var-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def fresh_cluster() -> Iterator[Path]:
    """What `initdb` and a first start have made: copied, it saves most tests two seconds."""
    with tempfile.TemporaryDirectory(prefix="pqb-var-", ignore_cleanup_errors=True) as folder:
        with lock.held(Path(folder)), postgres.running(Path(folder)):
            pass
        yield Path(folder) / "postgres"


@pytest.fixture
def used_var(var: Path, fresh_cluster: Path) -> Path:
    """A data folder that has been in use."""
    subprocess.run(["cp", "-a", str(fresh_cluster), str(var)], check=True)
    return var


@pytest.fixture
def owner(used_var: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that runs the services on `var`."""
    command = [sys.executable, "-c", OWNER, str(used_var)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process


def test_what_was_written_is_there_at_the_next_start(var: Path) -> None:
    with services.running(var, {}) as entries:
        _execute(entries, "CREATE TABLE kept AS SELECT 42 AS answer")
        with Redis.from_url(entries["REDIS_URL"]) as client:
            client.set("kept", "42")
    with services.running(var, {}) as entries:
        assert _execute(entries, "SELECT answer FROM kept") == 42
        with Redis.from_url(entries["REDIS_URL"]) as client:
            assert client.get("kept") == b"42"


def test_nobody_else_gets_in(used_var: Path) -> None:
    with services.running(used_var, {}) as entries:
        assert _execute(entries, "SHOW listen_addresses") == ""
        assert stat.S_IMODE((used_var / "sockets").stat().st_mode) == 0o700
        assert stat.S_IMODE((used_var / services.ANNOUNCEMENT).stat().st_mode) == 0o600
        address = entries["REDIS_URL"].rpartition("@")[2]
        with Redis.from_url(f"redis://{address}") as stranger, pytest.raises(AuthenticationError):
            stranger.ping()


def test_an_answered_commit_is_on_the_disk_and_a_full_redis_says_so(used_var: Path) -> None:
    with services.running(used_var, {}) as entries:
        assert _execute(entries, "SHOW fsync") == "on"
        with Redis.from_url(entries["REDIS_URL"]) as client:
            settings = client.config_get("*")
    expected = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"}
    assert expected.items() <= settings.items()


def test_what_the_environment_names_is_not_started(var: Path) -> None:
    given = {
        "DATABASE_URL": "postgresql://db/x",
        "REDIS_URL_FILE": "/run/redis",
        "BRIDGE_SECRET_KEY": "k",
        "PORT": "80",
    }
    with services.running(var, given) as entries:
        assert entries == given
        assert services.find(var) == given
    assert sorted(path.name for path in var.iterdir()) == ["lock"]


def test_a_key_is_made_once_and_only_we_may_read_it(var: Path) -> None:
    assert services.secret_key(var) == services.secret_key(var)
    assert services.flower_password(var) == services.flower_password(var)
    assert {stat.S_IMODE(path.stat().st_mode) for path in var.iterdir()} == {0o600}


def test_a_second_owner_is_refused_by_name(var: Path, owner: "subprocess.Popen[str]") -> None:
    with pytest.raises(lock.FolderInUse, match=f"in use by process {owner.pid}"), services.running(var, {}):
        pass


def test_the_services_of_a_living_owner_are_found_and_those_of_a_dead_one_are_not(
    var: Path, owner: "subprocess.Popen[str]"
) -> None:
    found = services.find(var)
    assert found is not None
    assert _execute(found, "SELECT 1") == 1
    owner.kill()
    owner.wait()
    assert (var / services.ANNOUNCEMENT).exists()
    assert services.find(var) is None


def test_an_owner_that_was_killed_outright_leaves_no_server_and_does_not_prevent_the_next_start(
    var: Path, owner: "subprocess.Popen[str]"
) -> None:
    found = services.find(var)
    assert found is not None
    _execute(found, "CREATE TABLE kept AS SELECT 42 AS answer")
    servers = psutil.Process(owner.pid).children()
    owner.kill()
    with services.running(var, {}) as entries:
        assert not [server for server in servers if server.is_running() and server.status() != psutil.STATUS_ZOMBIE]
        assert _execute(entries, "SELECT answer FROM kept") == 42


def test_servers_that_were_killed_with_their_owner_start_again(var: Path, owner: "subprocess.Popen[str]") -> None:
    family = [psutil.Process(owner.pid), *psutil.Process(owner.pid).children(recursive=True)]
    for process in family:
        process.kill()
    with services.running(var, {}) as entries:
        assert _execute(entries, "SELECT 1") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a child to its parent's life")
def test_servers_end_with_an_owner_that_was_killed(var: Path, owner: "subprocess.Popen[str]") -> None:
    servers = psutil.Process(owner.pid).children()
    assert len(servers) == 2
    owner.kill()
    _, alive = psutil.wait_procs(servers, timeout=20)
    assert alive == []


def test_an_orphan_is_ended_and_a_stranger_is_left_alone(var: Path) -> None:
    orphan = subprocess.Popen(["sleep", "600"], cwd=var)
    stranger = subprocess.Popen(["sleep", "600"], cwd="/")
    try:
        end_orphans(var.resolve(), "sleep", signal.SIGTERM)
        assert orphan.poll() is not None
        assert stranger.poll() is None
    finally:
        for process in (orphan, stranger):
            process.kill()
            process.wait()


def test_a_socket_path_that_is_too_long_moves_to_a_short_folder_which_does_not_stay(var: Path) -> None:
    deep = var / ("x" * 90)
    deep.mkdir()
    var.chmod(0o711)
    with lock.held(deep), postgres.running(deep) as url, psycopg.connect(url) as connection:
        folder = Path(connection.info.host)
        assert len(str(folder)) < 80
        assert folder.is_dir()
    assert not folder.exists()


def test_a_server_that_cannot_start_says_why_in_its_own_words(used_var: Path) -> None:
    with lock.held(used_var):
        (used_var / "postgres" / "PG_VERSION").write_text("9\n")
        with pytest.raises(ConfigurationError, match=r"(?s)did not start.*initialized by PostgreSQL version 9"):
            postgres.running(used_var).__enter__()


def test_a_first_start_that_was_cut_short_begins_anew(var: Path) -> None:
    (var / "postgres.new").mkdir()
    (var / "postgres.new" / "PG_VERSION").write_text("18\n")
    with lock.held(var), postgres.running(var) as url:
        assert _execute({"DATABASE_URL": url}, "SELECT 1") == 1


def test_a_command_beside_a_running_owner_gets_its_services(var: Path, owner: "subprocess.Popen[str]") -> None:
    with services.for_cli(var, need_redis=True) as missing:
        assert missing == json.loads((var / services.ANNOUNCEMENT).read_text())
        assert os.environ["DATABASE_URL"] == missing["DATABASE_URL"]
    assert "DATABASE_URL" not in os.environ


def test_a_command_after_the_owner_has_stopped_starts_postgresql_alone(
    var: Path, owner: "subprocess.Popen[str]"
) -> None:
    owner.communicate("")
    with services.for_cli(var, need_redis=False) as missing:
        assert _execute(missing, "SELECT 1") == 1
        assert [process.name() for process in psutil.Process().children() if process.cwd().startswith(str(var))] == [
            "postgres"
        ]
    with pytest.raises(ConfigurationError, match="start `make run` first"), services.for_cli(var, need_redis=True):
        pass


def test_two_commands_at_once_take_turns(used_var: Path) -> None:
    command = (
        "import sys; from pathlib import Path; from tools.local import services\n"
        "with services.for_cli(Path(sys.argv[1]), need_redis=False): pass"
    )
    both = [subprocess.Popen([sys.executable, "-c", command, str(used_var)]) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]


def test_the_environment_comes_before_a_running_owner(
    var: Path, owner: "subprocess.Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://mine/x")
    with services.for_cli(var, need_redis=False) as missing:
        assert "DATABASE_URL" not in missing
        assert os.environ["DATABASE_URL"] == "postgresql://mine/x"


def test_a_command_where_nothing_ever_ran_says_what_to_do(var: Path) -> None:
    with pytest.raises(ConfigurationError, match="start `make run` first"), services.for_cli(var, need_redis=False):
        pass


def test_a_lock_is_free_the_moment_its_holder_is_gone(var: Path, owner: "subprocess.Popen[str]") -> None:
    assert lock.is_held(var)
    owner.kill()
    eventually(lambda: _assert_not(lock.is_held(var)))


def _assert_not(value: bool) -> None:
    assert not value


def _execute(entries: dict[str, str], statement: str) -> object:
    with psycopg.connect(entries["DATABASE_URL"], autocommit=True) as connection:
        cursor = connection.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None
