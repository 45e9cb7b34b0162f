"""Replaces functions of the product by broken ones, by name: a name that is gone is an error, not a broken promise."""

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

Function = Callable[..., Any]
Breakage = Mapping[str, Callable[[Function], Function]]
PRODUCT = ("receiver", "shared", "tools", "workers")


@contextmanager
def broken(breakage: Breakage) -> Iterator[None]:
    """The product with some of its functions replaced, wherever they have been imported to.

    `breakage`: by "package.module.function", what makes the broken one of the right one. "reader:package.module.name"
    replaces it only as the module `reader` sees it. Raises AttributeError where there is no such function.
    """
    with ExitStack() as stack:
        for name, make in breakage.items():
            reader, _, path = name.rpartition(":")
            module, _, attribute = path.rpartition(".")
            right = getattr(importlib.import_module(module), attribute)
            wrong = functools.update_wrapper(make(right), right)
            holders = [importlib.import_module(reader)] if reader else _holders(right)
            for holder in holders:
                known_as = _name_of(right, holder)
                stack.callback(setattr, holder, known_as, right)
                setattr(holder, known_as, wrong)
        yield


def with_argument(name: str, change: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Makes a function that gets another value for the argument of this name."""

    def make(right: Function) -> Function:
        signature = inspect.signature(right)
        if name not in signature.parameters:
            raise AttributeError(f"{right.__qualname__} has no argument {name!r}.")

        def wrong(*positional: Any, **named: Any) -> Any:
            bound = signature.bind(*positional, **named)
            bound.arguments[name] = change(bound.arguments[name])
            return right(*bound.args, **bound.kwargs)

        return wrong

    return make


def always(value: object) -> Callable[[Function], Function]:
    """Makes a function that returns this, whatever it is asked."""
    return lambda _: lambda *_positional, **_named: value


def _holders(right: Function) -> list[Any]:
    ours = [module for name, module in sorted(sys.modules.items()) if name.split(".")[0] in PRODUCT]
    return [module for module in ours if any(value is right for value in vars(module).values())]


def _name_of(right: Function, holder: object) -> str:
    for name, value in vars(holder).items():
        if value is right:
            return name
    raise AttributeError(f"{holder!r} does not know {right!r}.")
