"""What PostgreSQL and Redis have counted themselves: statements, transactions, WAL, commands. Nothing here is timed."""

from collections import Counter
from dataclasses import dataclass

import psycopg
from redis import Redis

# BEGIN and COMMIT are statements as well, but no work: they are counted as transactions. A SET is no work either, and
# one that is run again as a prepared statement is not counted by PostgreSQL: a commit that need not be durable is told
# by the claim of a lease, the only statement that such transactions have.
STATEMENTS = """
SELECT coalesce(sum(calls) FILTER (WHERE query NOT IN ('BEGIN', 'COMMIT', 'ROLLBACK') AND query NOT LIKE 'SET %'), 0)
        AS statements,
    coalesce(sum(calls) FILTER (WHERE query IN ('COMMIT', 'ROLLBACK')), 0) AS transactions,
    coalesce(sum(calls) FILTER (WHERE query LIKE 'UPDATE strategies SET lease_owner=%fence=%'), 0) AS careless,
    coalesce(sum(wal_fpi), 0) AS images
FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND query NOT LIKE '%pg_stat_statements%' AND query NOT LIKE '%pg_current_wal%'
"""
WROTE = """
SELECT count(DISTINCT query) AS kinds, coalesce(sum(calls), 0) AS calls FROM pg_stat_statements
WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (query ILIKE 'INSERT%' OR query ILIKE 'UPDATE%')
"""
SIZES = """
SELECT relname, n_live_tup, pg_relation_size(relid) AS heap, pg_indexes_size(relid) AS indexes
FROM pg_stat_user_tables WHERE relname = ANY(%(tables)s) ORDER BY pg_total_relation_size(relid) DESC
"""
TABLES = ["strategies", "events", "orders", "fills", "positions", "alerts", "answers"]
CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums since the servers began; `less` makes those of a while. `careless`: commits that wait for no disk."""

    statements: int
    writes: int
    transactions: int
    careless: int
    wal: int  # bytes
    images: int  # whole pages within the WAL, which a checkpoint causes and not the event
    commands: Counter[str]  # of Redis, by name
    memory: int  # bytes of Redis

    def less(self, before: "Counts") -> "Counts":
        """What has come since then."""
        return Counts(
            self.statements - before.statements,
            self.writes - before.writes,
            self.transactions - before.transactions,
            self.careless - before.careless,
            self.wal - before.wal,
            self.images - before.images,
            self.commands - before.commands,
            self.memory - before.memory,
        )


@dataclass(frozen=True, slots=True)
class Size:
    """A table with its rows, in bytes of its own and of its indexes."""

    table: str
    rows: int
    heap: int
    indexes: int


def prepare(database_url: str) -> None:
    """Lets this database's statements be counted."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")


def read(database_url: str, redis_url: str) -> Counts:
    """The sums of now."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        statements, transactions, careless, images = _row(connection, STATEMENTS)
        _, writes = _row(connection, WROTE)
        (wal,) = _row(connection, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
    with Redis.from_url(redis_url) as redis:
        told = redis.info("commandstats")
        commands = Counter({name.removeprefix("cmdstat_"): int(each["calls"]) for name, each in told.items()})
        memory = int(redis.info("memory")["used_memory"])
    return Counts(statements, writes, transactions, careless, wal, images, commands, memory)


def sizes(database_url: str) -> list[Size]:
    """The tables that grow with events, the largest first."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")  # for the counts of rows
        return [Size(*row) for row in connection.execute(SIZES, {"tables": TABLES}).fetchall()]


def connections(database_url: str) -> int:
    """How many are connected to the database, beside us."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        (count,) = _row(connection, CONNECTIONS)
    return count


def _row(connection: "psycopg.Connection[tuple[int, ...]]", query: str) -> tuple[int, ...]:
    row = connection.execute(query).fetchone()
    assert row is not None
    return tuple(int(value) for value in row)
