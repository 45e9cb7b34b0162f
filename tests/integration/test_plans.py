"""How PostgreSQL goes about a worker's statements: by keys, also where the tables were small when it planned."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection

from shared.database.engine import make_engine
from shared.database.prepared import Statement
from shared.domain import Leg
from shared.inbox import states
from shared.ledger import full_fill, intents
from shared.situation import load
from tests.benchmarks.history import STATEMENTS as PAST
from tests.support.in_process_bridge import Bridge
from workers.execution import lease

MODULES = (load, intents, lease, states)
STATEMENTS = {
    f"{module.__name__}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, Statement)
} | {f"filled_whole {leg}": full_fill._statement(leg) for leg in Leg}


@pytest.fixture(params=["empty", "small"])
def connection(database_url: str, bridge: Bridge, request: pytest.FixtureRequest) -> Iterator[Connection]:
    """As a worker's turns have it. A small table is one of which PostgreSQL knows that."""
    if request.param == "small":
        fill(database_url)
    engine = make_engine(database_url, pool_size=1, plan_once=True, by_keys=True)
    with engine.connect() as made:
        yield made
    engine.dispose()


def fill(database_url: str) -> None:
    """Some strategies with a past, in every table that a trade touches: more than PostgreSQL takes for nothing."""
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        for statement in PAST:
            values = {"strategies": 50, "each": 4, "past": "past-"} if "%(" in statement else None
            connection.execute(statement, values)
        connection.execute("ANALYZE")


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_row_is_found_by_a_key(connection: Connection, name: str) -> None:
    statement = STATEMENTS[name]
    connection.exec_driver_sql(f"PREPARE p AS {statement.text}")
    nulls = f"({', '.join(['NULL'] * statement.places)})" if statement.places else ""
    (plan,) = connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) EXECUTE p{nulls}").scalars()
    connection.exec_driver_sql("DEALLOCATE p")
    read = [f"{node['Relation Name']} as {node['Alias']}" for node in nodes(plan[0]["Plan"]) if reads_everything(node)]
    assert read == [], f"{name} reads all of it"


def test_the_statements_were_found() -> None:
    assert len(STATEMENTS) >= 10


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from nodes(below)


def reads_everything(node: dict[str, Any]) -> bool:
    """Of a table, not of another part of the same statement."""
    return "Relation Name" in node and node["Node Type"].endswith("Scan") and "Index Cond" not in node


def test_what_reads_everything_is_noticed(connection: Connection) -> None:
    (plan,) = connection.exec_driver_sql("EXPLAIN (FORMAT JSON) SELECT state FROM events").scalars()
    assert [reads_everything(node) for node in nodes(plan[0]["Plan"])] == [True]
