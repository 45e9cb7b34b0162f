"""A public name means one thing in the product: no type is defined twice, no function without a common idea.

Two types of one name sent readers to the wrong file: there were four `Answer`, three `Held`, two `Limits`.
"""

import ast
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.architecture import code

SAME_TYPE = {"Json": "a JSON object, as the type checker sees it"}
SAME_IDEA = {
    "apply_lifecycle": "what a lifecycle event says, of an account and of an integration",
    "ask_due": "the duty of the sweep, and the query that it runs",
    "load": "read a file, or the environment, into settings",
    "main": "where a program begins",
    "make_app": "builds the application that a server loads",
    "make_routes": "the routes of an application",
    "parse": "text into values",
    "revoke": "take a token away, of an account and of an integration",
    "routes": "the routes of one subject",
    "warn": "a duty of the sweep at a given time",
    "warn_due": "a duty of the sweep now",
}
"""Functions of one name in several modules, which are called by the module's name: each with what they share."""

ADAPTERS_AND_PROGRAMS = ("workers/brokers/", "tools/cli/", "tools/local/", "tools/simulator/")
"""Each adapter translates the same words of its broker, and each command is called `command`: functions may repeat."""


def _repeated(found: Iterable[tuple[str, Path]]) -> dict[str, list[str]]:
    places: dict[str, list[str]] = defaultdict(list)
    for name, path in found:
        places[name].append(code.name(path))
    return {name: paths for name, paths in places.items() if len(paths) > 1}


def _types() -> Iterator[tuple[str, Path]]:
    for path in _product():
        for node in code.tree(path).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                yield node.name, path
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.BinOp | ast.Subscript):
                yield from (
                    (each.id, path) for each in node.targets if isinstance(each, ast.Name) and _is_type(each.id)
                )


def _functions() -> Iterator[tuple[str, Path]]:
    for path in _product():
        if not code.name(path).startswith(ADAPTERS_AND_PROGRAMS):
            for node in code.tree(path).body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
                    yield node.name, path


def _product() -> list[Path]:
    return [path for path in code.product() if not path.is_relative_to(code.MIGRATIONS)]


def _is_type(name: str) -> bool:
    """`Duty` and `Happenings`, not `TRADING` and not `_Table`."""
    return name[0].isupper() and not name.isupper()


def test_no_type_is_defined_twice() -> None:
    assert {name: paths for name, paths in _repeated(_types()).items() if name not in SAME_TYPE} == {}


def test_functions_of_one_name_are_one_idea() -> None:
    assert {name: paths for name, paths in _repeated(_functions()).items() if name not in SAME_IDEA} == {}


def test_what_is_allowed_to_repeat_does_repeat() -> None:
    assert set(SAME_TYPE) <= set(_repeated(_types()))
    assert set(SAME_IDEA) <= set(_repeated(_functions()))
