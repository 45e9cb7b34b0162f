"""PostgreSQL: connections, tables, migrations, time."""
