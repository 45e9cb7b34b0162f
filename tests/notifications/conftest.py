"""The command line on the test's database, as its own tests have it."""

from tests.cli.conftest import bridge, cli, offline, server

__all__ = ["bridge", "cli", "offline", "server"]
