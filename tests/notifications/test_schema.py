"""The tables are what the migrations make, and can be unmade and made again."""

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from shared.database import migrate
from shared.database.engine import Sessions, make_engine
from shared.database.tables.orders import OrderRow


def test_the_migrations_make_the_tables_that_the_code_means(sessions: Sessions) -> None:
    assert len(OrderRow.metadata.tables) > 15
    with sessions() as session:
        options = {"include_object": _is_ours, "compare_server_default": True}
        context = MigrationContext.configure(session.connection(), opts=options)
        assert compare_metadata(context, OrderRow.metadata) == []


def _is_ours(thing: object, name: str | None, kind: str, *_: object) -> bool:
    """The paper broker's books have a metadata, and a test, of their own."""
    return kind != "table" or name is None or not name.startswith("paper_")


def test_alerts_from_before_the_upgrade_are_not_sent_to_anyone(database_url: str) -> None:
    engine = make_engine(database_url)
    config = migrate._config()
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0003")
        connection.exec_driver_sql("INSERT INTO alerts (kind, detail) VALUES ('parked', 'An old one.')")
        command.upgrade(config, "head")
        unrouted = connection.exec_driver_sql("SELECT count(*) FROM alerts WHERE routed_at IS NULL").scalar_one()
    engine.dispose()
    assert unrouted == 0


def test_refusals_from_before_the_upgrade_count_as_told(database_url: str) -> None:
    """Of what comes after it nobody knows until it is noted."""
    engine = make_engine(database_url)
    config = migrate._config()
    strategy = "INSERT INTO strategies (account_id, strategy_id, name) VALUES (1, 's1', 'Gold') RETURNING id"
    refused = (
        "INSERT INTO events (account_id, strategy, seq, key, content_hash, body_hash, version, type, timestamp_ms,"
        " state, finished_at, error_type) SELECT 1, id, 1, '{key}', '', '', 'v1', 'SIGNAL_CLOSE', 1, 'refused', now(),"
        " 'expired' FROM strategies"
    )
    account = "INSERT INTO accounts (name, broker, broker_settings, multiplier) VALUES ('alice', 'paper', '', 1)"
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0009")
        for statement in (account, strategy, refused.format(key="before")):
            connection.exec_driver_sql(statement)
        command.upgrade(config, "head")
        connection.exec_driver_sql(refused.format(key="after"))
        told = connection.exec_driver_sql("SELECT key, refusal_told FROM events ORDER BY id").all()
    engine.dispose()
    assert [tuple(row) for row in told] == [("before", True), ("after", False)]


def test_a_token_in_what_proquant_once_said_is_struck_by_the_upgrade(database_url: str) -> None:
    engine = make_engine(database_url)
    config = migrate._config()
    account = "INSERT INTO accounts (name, broker, broker_settings, multiplier) VALUES ('alice', 'paper', '', 1)"
    token = "INSERT INTO tokens (account_id, hash) VALUES (1, 'hash')"
    asked = (
        "INSERT INTO integrations (account_id, user_email, name, state, token_id, problem)"
        " VALUES (1, 'u@example.com', 'alice', 'unanswered', 1,"
        " 'ProQuant answered 500: Bearer kk-WHkN2HZ24PffpuP7Bg1ZEcPX51IC21S7EBW9lv_o is odd')"
    )
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "0011")
        for statement in (account, token, asked):
            connection.exec_driver_sql(statement)
        command.upgrade(config, "head")
        problem = connection.exec_driver_sql("SELECT problem FROM integrations").scalar_one()
    engine.dispose()
    assert problem == "ProQuant answered 500: Bearer [secret] is odd"
