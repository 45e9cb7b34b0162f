"""What both sides stand on: one PostgreSQL, one Redis, a folder, and a list of our own programs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.chaos.stage import Stage
from tools.local import lock, postgres, redis

POSTGRES = {
    "max_connections": "300",
    "fsync": "on",
    "synchronous_commit": "on",
    "max_wal_size": "4GB",  # as docs/scaling.md says: a checkpoint in the middle of a measurement is not measured
    "shared_preload_libraries": "pg_stat_statements",
}


@dataclass(frozen=True, slots=True)
class Site:
    """The ground of a run. `stage` holds the programs, of which each side has its own."""

    stage: Stage
    postgres_url: str
    redis_url: str

    @property
    def folder(self) -> Path:
        return self.stage.folder

    def database(self, name: str) -> str:
        """The URL of a database of this name, made on first use."""
        with psycopg.connect(self.postgres_url, autocommit=True) as connection:
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
                connection.execute(f'CREATE DATABASE "{name}"')
        return self.postgres_url.replace(f"/{postgres.DATABASE}?", f"/{name}?")

    def redis(self, number: int) -> str:
        """The URL of this one of Redis's databases: both sides share the server, and see nothing of each other."""
        return f"{self.redis_url.rsplit('/', 1)[0]}/{number}"


@contextmanager
def running(folder: Path, statements: str = "none") -> Iterator[Site]:
    """PostgreSQL and Redis as `make run` starts them; ends them and every program of the stage.

    `statements`: which of them PostgreSQL counts, `none` or `top`.
    """
    folder.chmod(0o711)  # PostgreSQL may run as another user, who must pass
    (folder / "log").mkdir()
    with (
        lock.held(folder),
        postgres.running(folder, {**POSTGRES, "pg_stat_statements.track": statements}) as postgres_url,
        redis.running(folder) as redis_url,
    ):
        stage = Stage(folder, "none", with_postgres=False)
        try:
            yield Site(stage, postgres_url, redis_url)
        finally:
            stage.stop_programs()
