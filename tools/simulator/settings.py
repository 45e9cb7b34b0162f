"""How the simulator is set up: SIMULATOR_... in the environment, which the command line fills from its options."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from environs import EnvError, FileAwareEnv
from marshmallow import validate

from shared.errors import ConfigurationError
from tools.simulator.misbehaviour import LONGEST_DELAY, Misbehaviour, SentVersions

PREFIX = "SIMULATOR_"
DEFAULT_PORT = 8090


@dataclass(frozen=True, slots=True)
class Settings:
    """`seed` decides who is sent twice, held back or delayed. `allow_remote`: answer any host name.

    `keep`: the file in which integrations and strategies outlive the process; None keeps nothing.
    """

    seed: int
    allow_remote: bool
    keep: Path | None
    behaviour: Misbehaviour


def load() -> Settings:
    """The settings in the process's environment. Raises ConfigurationError that names what is odd."""
    env = FileAwareEnv(eager=False, strip_whitespace=True)
    try:
        with env.prefixed(PREFIX):
            seed, allow_remote = env.int("SEED", 1), env.bool("ALLOW_REMOTE", False)
            keep = env.path("KEEP", None)
            values = _behaviour(env)
        env.seal()
    except (EnvError, ValueError) as error:
        raise ConfigurationError(f"The environment cannot be used: {error}") from error
    return Settings(seed, allow_remote, keep, Misbehaviour(**values))  # type: ignore[arg-type]  # seal() has proven the types


def _behaviour(env: FileAwareEnv) -> dict[str, object]:
    share = validate.Range(0, 1)
    return {
        "duplicates": env.float("DUPLICATES", 0.0, validate=share),
        "reordering": env.float("REORDERING", 0.0, validate=share),
        "retries": env.bool("RETRIES", False),
        "delay": env.float("DELAY", 0.0, validate=validate.Range(0, LONGEST_DELAY)),
        "versions": env.enum("VERSIONS", SentVersions.V1, enum=SentVersions, by_value=True),
        "deprecated": env.date("DEPRECATED", None),
    }


def environment(**values: str | float | bool | date | Path | None) -> dict[str, str]:
    """The entries of an environment from which `load` reads these values; None is left out."""
    return {f"{PREFIX}{name.upper()}": str(value) for name, value in values.items() if value is not None}
