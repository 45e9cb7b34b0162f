"""What Alembic runs: the migrations, over the connection that `migrate.upgrade` hands in."""

from alembic import context

from shared.database import tables  # noqa: F401  # enters every table into the metadata
from shared.database.schema import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, compare_server_default=True)
with context.begin_transaction():
    context.run_migrations()
