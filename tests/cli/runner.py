"""Runs commands of the CLI in this process."""

import json
from dataclasses import dataclass
from typing import Any

from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from shared.cli import main

SECRET_KEY = Fernet.generate_key().decode()


@dataclass(frozen=True, slots=True)
class Cli:
    """The command line with an environment of its own."""

    environment: dict[str, str]

    def __call__(self, *arguments: str, **environment: str) -> Result:
        """What the command did; any exception that is not the end of a command is raised."""
        result = CliRunner().invoke(main, arguments, env={**self.environment, **environment})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def json(self, *arguments: str) -> Any:
        """What the command printed with --json; it must have succeeded."""
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)
