"""What Alembic runs: the migrations, over the connection that `migrate.upgrade` hands in."""

from alembic import context

from shared import notification_tables, tables, wait_tables  # noqa: F401  # each enters its own into the metadata
from shared.schema import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
with context.begin_transaction():
    context.run_migrations()
