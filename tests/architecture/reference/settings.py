"""Writes docs/reference/settings.md: what shared/config.py reads, and what else is read from the environment."""

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

import click
from environs import FileAwareEnv
from marshmallow import validate

from shared import config
from tests.architecture import code
from tests.architecture.reference import markdown
from tools.cli.simulator import command as simulator

USERS = {
    "receiver/": "receiver",
    "workers/": "worker",
    "tools/cli/": "command line",
    "tools/management/": "management API",
    "tools/operations/": "command line, management API",
    "tools/local/": "`make run` and the like",
    "shared/config.py": "all",
}
UNITS = {
    "_SECONDS": "seconds",
    "_DAYS": "days",
    "_URL": "URL",
    "_FILE": "path",
    "PORT": "port",
    "_KEY": "secret",
    "_CONCURRENCY": "threads",
}
OTHERS = {
    "BIND": (
        "127.0.0.1",
        "The address that the receiver listens on, and in docker-compose.yml the management API.",
        "The server does not start.",
    ),
    "BRIDGE_LOG_FORMAT": (
        "text on a terminal, else json",
        "The form of log lines: `text` or `json`.",
        "Counts as json.",
    ),
    "BRIDGE_SERVED_TOKEN": (
        "a new one, printed",
        "The token of `proquant-bridge broker serve-paper`.",
        "Callers with another one are refused.",
    ),
    "FLOWER_ADDRESS": ("127.0.0.1", "The address that Flower listens on.", "Flower does not start."),
    "FLOWER_BASIC_AUTH": (
        "none; `make run` makes one and prints it",
        "Login of Flower, `user:password`; without it Flower asks for none.",
        "Nobody can log in to Flower.",
    ),
    "FLOWER_PORT": ("5555", "The port that Flower listens on.", "Flower, or `make run`, does not start."),
    "PROQUANT_BRIDGE_TOKEN": ("", "The account's token, for `proquant-bridge send`.", "The receiver answers 401."),
}
"""Default, meaning, and what happens when it is wrong."""
_READS = re.compile(
    r"""environ(?:ment)?(?:\.get\(|\[)\s*"([A-Z_]+)"|envvar="([A-Z_]+)"|port\(environment, "([A-Z_]+)\""""
)
_EXPANDS = re.compile(r"\$\{([A-Z_]+)")
_NOT_OURS = {"PATH", "REQUEST_METHOD", "MAKELEVEL", "PYTHONUNBUFFERED", "PYTHONWARNINGS"}


@dataclass(frozen=True, slots=True)
class Declared:
    """One variable, as `config.ask_for_all` asks for it."""

    name: str
    kind: str
    default: object
    check: object


class _Missing:
    pass


class _Recorder:
    """Stands where the environment stands, and returns what is asked for in place of its value."""

    def __init__(self) -> None:
        self._prefix = ""

    @contextmanager
    def prefixed(self, prefix: str) -> Iterator[None]:
        self._prefix = prefix
        yield
        self._prefix = ""

    def __getattr__(self, kind: str) -> Callable[..., Declared]:
        def asked(name: str, default: object = _Missing, validate: object = None) -> Declared:
            return Declared(self._prefix + name, kind, default, validate)

        return asked


def page() -> str:
    """The whole page."""
    words = markdown.prose(config.load.__doc__).removesuffix("\n\nRaises ConfigurationError.")
    lines = markdown.generated("Settings", "`shared/config.py` and what else reads the environment", words)
    heads = ("variable", "meaning", "unit", "default", "must be", "used by")
    lines += markdown.table(heads, (_row(field, variable) for field, variable in declared().items()))
    lines += ["## Read elsewhere", "", "Only `make run` reads a `NAME_FILE` for some of these.", ""]
    rows = ((f"`{name}`", meaning, default, wrong) for name, (default, meaning, wrong) in sorted(OTHERS.items()))
    lines += markdown.table(("variable", "meaning", "default", "when it is wrong"), rows)
    lines += ["## The simulator", "", "An odd value is refused at the start. The options of the command line win.", ""]
    lines += markdown.table(("variable", "meaning"), _of_simulator())
    return "\n".join(lines)


def declared() -> dict[str, Declared]:
    """Each field of the configuration, and its variable."""
    return cast("dict[str, Declared]", config.ask_for_all(cast("FileAwareEnv", _Recorder())))


def read_elsewhere() -> set[str]:
    """The variables that code and Procfile read, but for those of the configuration and of the simulator."""
    found = set(_EXPANDS.findall((code.ROOT / "Procfile").read_text()))
    for path in code.product():
        found |= {next(filter(None, names)) for names in _READS.findall(path.read_text())}
    ours = {variable.name for variable in declared().values()}
    files = {f"{name}_FILE" for name in ours}
    return {name for name in found - ours - files - _NOT_OURS if not name.startswith("SIMULATOR_")}


def _row(field: str, variable: Declared) -> Iterator[str]:
    yield f"`{variable.name}`"
    yield _words()[field]
    yield next((unit for end, unit in UNITS.items() if variable.name.endswith(end)), "on or off")
    yield _default(variable)
    yield _must_be(variable.check)
    yield ", ".join(_users(field, variable.name)) or "nobody"


def _words() -> dict[str, str]:
    """The docstring below each field."""
    body = next(
        node.body
        for node in code.tree(code.ROOT / "shared" / "config.py").body
        if isinstance(node, ast.ClassDef) and node.name == "Config"
    )
    return {
        node.target.id: ast.literal_eval(below.value)
        for node, below in pairwise(body)
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and isinstance(below, ast.Expr)
    }


def _default(variable: Declared) -> str:
    if variable.default is _Missing:
        return "must be set"
    if variable.kind == "bool":
        return "on" if variable.default else "off"
    if isinstance(variable.default, int | float):
        return _number(variable.default)
    return str(variable.default or "")


def _must_be(check: object) -> str:
    if isinstance(check, validate.Range):
        return f"{_number(check.min)} to {_number(check.max)}"
    if isinstance(check, validate.Length):
        return f"{check.min} to {check.max} characters"
    return markdown.prose(check.__doc__).split("\n")[0].removesuffix(".") if check is not None else ""


def _number(value: float) -> str:
    return f"{value:.12g}"


def _users(field: str, name: str) -> list[str]:
    """By who reads the field of a `config`, or names the variable."""
    pattern = re.compile(rf"\bconfig\.{field}\b|\"{name}\"")
    users = [
        user
        for start, user in USERS.items()
        for path in code.product()
        if code.name(path).startswith(start) and pattern.search(_without_declarations(path))
    ]
    if f"${{{name}" in (code.ROOT / "Procfile").read_text():
        users.append("Procfile")
    return list(dict.fromkeys(single for user in users for single in user.split(", ")))


def _without_declarations(path: Path) -> str:
    return "" if path.name == "config.py" else path.read_text()


def _of_simulator() -> Iterator[tuple[str, str]]:
    context = click.Context(simulator, info_name="simulator", **simulator.context_settings)
    for option in simulator.params:
        record = option.get_help_record(context)
        assert record is not None, option.name
        yield f"`SIMULATOR_{option.name}`".upper(), record[1].replace("  [", " [")
