"""Settings of a broker as a command line gives them: as they are, or from where no history of a shell shows them."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

SETTING, SETTING_FILE, SETTING_ENV = "--setting", "--setting-file", "--setting-env"
LARGEST = 64 * 1024  # characters of a file: no setting is longer, and /dev/zero has no end
_Command = TypeVar("_Command", bound=Callable[..., Any])


def setting_options(command: _Command) -> _Command:
    """The options --setting, --setting-file and --setting-env, as `pairs`, `files` and `variables`."""
    for option, name, form, what in (
        (SETTING_ENV, "variables", "KEY=VARIABLE", "A setting that stands in the environment; repeatable."),
        (SETTING_FILE, "files", "KEY=PATH", "A setting that stands in a file; repeatable."),
        (SETTING, "pairs", "KEY=VALUE", "A setting of the broker; repeatable. For secrets see the next two."),
    ):
        command = click.option(option, name, multiple=True, metavar=form, help=what)(command)
    return command


def settings_of(pairs: Sequence[str], files: Sequence[str] = (), variables: Sequence[str] = ()) -> Mapping[str, str]:
    """The settings of all three options.

    Raises BadParameter that never shows what stands behind a `=`: it may be a secret, in whichever option it stands.
    """
    chosen: dict[str, str] = {}
    _add(chosen, SETTING, "KEY=VALUE", pairs, lambda _, value: value)
    _add(chosen, SETTING_FILE, "KEY=PATH", files, _from_file)
    _add(chosen, SETTING_ENV, "KEY=VARIABLE", variables, _from_environment)
    return chosen


def _add(chosen: dict[str, str], option: str, form: str, given: Sequence[str], read: Callable[[str, str], str]) -> None:
    for pair in given:
        key, equals, source = pair.partition("=")
        if not (key and equals):
            raise click.BadParameter(f"each must have the form {form}.", param_hint=option)
        if key in chosen:
            raise click.BadParameter(f"{key} is given twice.", param_hint=option)
        chosen[key] = read(key, source)


def _from_file(key: str, path: str) -> str:
    """The file without the end of its last line, which editors and `echo` add."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise _unusable(SETTING_FILE, key, f"its file cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _unusable(SETTING_FILE, key, "its file is not text in UTF-8") from error
    if len(text) > LARGEST:
        raise _unusable(SETTING_FILE, key, f"its file has more than {LARGEST} characters")
    value = text.removesuffix("\n").removesuffix("\r")
    if not value.strip():
        raise _unusable(SETTING_FILE, key, "its file is empty")
    return value


def _from_environment(key: str, variable: str) -> str:
    value = os.environ.get(variable)
    if value is None:
        raise _unusable(SETTING_ENV, key, "its variable is not set")
    if not value.strip():
        raise _unusable(SETTING_ENV, key, "its variable is empty")
    return value


def _unusable(option: str, key: str, reason: str) -> click.BadParameter:
    return click.BadParameter(f"{key}: {reason}.", param_hint=option)
