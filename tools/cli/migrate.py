"""`proquant-bridge migrate`: brings the database to the newest schema."""

import click
from alembic.runtime.migration import MigrationContext

from shared.database import migrate
from shared.database.engine import make_engine
from tools.cli.environment import faults_explained, settings


@click.command("migrate")
def command() -> None:
    """Bring the database to the newest schema. Safe to run again, and from several processes at once."""
    with settings() as config, faults_explained():
        before = _revision(config.database_url)
        migrate.upgrade(config.database_url)
        after = _revision(config.database_url)
    if before == after:
        click.echo(f"The database is at the newest schema, {after}: nothing to do.")
    else:
        click.echo(f"The database was migrated from {before or 'nothing'} to {after}.")


def _revision(database_url: str) -> str | None:
    engine = make_engine(database_url, pool_size=1)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
