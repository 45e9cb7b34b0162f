"""Runs commands of the CLI: in this process, or as a user starts them."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from tools.cli import main

BRIDGE = Path(sys.executable).with_name("proquant-bridge")
SECRET_KEY = Fernet.generate_key().decode()
Doctor = Callable[..., dict[str, dict[str, str]]]
"""What `doctor` finds in this environment, by the name of the check."""


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


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command as a user starts it, with nothing but `environment` around it."""
    path = str(Path(sys.executable).parent)
    return subprocess.run(
        command,
        cwd=folder,
        env={"PATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
