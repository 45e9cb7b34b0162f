"""Requests that share one thread: each runs in a greenlet of its own, which steps aside while it has to wait.

Flask's code is written for a thread a request. With 32 of them in a process, handing the interpreter from one to the
next took as long as everything that they did.
"""

from asyncio import get_running_loop
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any, TypeVar, cast

from greenlet import getcurrent, greenlet

Result = TypeVar("Result")


class _Request(greenlet):
    """One request under way. `threads`: for what would block."""

    threads: Executor


async def served(threads: Executor, work: Callable[..., Result], *arguments: object) -> Result:
    """What `work` returns or raises; where it is `awaited` or `aside`, the loop's thread serves others."""
    request = _Request(work)
    request.threads = threads
    step = request.switch(*arguments)
    while not request.dead:
        try:
            brought = await step
        except BaseException as error:  # noqa: BLE001  # also CancelledError: what it means is the request's to say
            step = request.throw(error)
        else:
            step = request.switch(brought)
    return cast(Result, step)


def is_served() -> bool:
    """Whether this runs in a request's greenlet, and so in the thread of the loop, which nothing may block for long."""
    return isinstance(getcurrent(), _Request)


def awaited(step: Awaitable[Result]) -> Result:
    """What the awaitable brings, or raises. Only for a request that is served."""
    loop = getcurrent().parent
    if loop is None:
        raise RuntimeError("Only a request that is served can wait for the loop.")
    return cast(Result, loop.switch(step))


def aside(work: Callable[..., Result], *arguments: Any) -> Result:
    """What `work` returns or raises, in a thread of the pool; in this one where a request has a thread to itself.

    For whatever may block. `work` must not use Flask's `request`, which stays behind.
    """
    request = getcurrent()
    if not isinstance(request, _Request):
        return work(*arguments)
    return awaited(get_running_loop().run_in_executor(request.threads, work, *arguments))


def meanwhile(work: Callable[..., object], *arguments: Any) -> bool:
    """Begins `work` in a thread of the pool, and the request goes on; what `work` raises is heard by nobody.

    False, and nothing, for a request that has a thread to itself.
    """
    request = getcurrent()
    if not isinstance(request, _Request):
        return False
    request.threads.submit(work, *arguments)
    return True
