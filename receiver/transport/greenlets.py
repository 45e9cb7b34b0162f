"""Runs requests as greenlets on the thread of the event loop: one that waits yields to the others.

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


async def run_in_greenlet(threads: Executor, work: Callable[..., Result], *arguments: object) -> Result:
    """What `work` returns or raises; while it waits for the loop or a thread, others run."""
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


def in_greenlet() -> bool:
    """Whether this runs in a request's greenlet, and so in the thread of the loop, which nothing may block for long."""
    return isinstance(getcurrent(), _Request)


def wait_for(step: Awaitable[Result]) -> Result:
    """Returns or raises what the awaitable does. Only in a request's greenlet."""
    loop = getcurrent().parent
    if loop is None:
        raise RuntimeError("Only a request that is served can wait for the loop.")
    return cast(Result, loop.switch(step))


def in_thread(work: Callable[..., Result], *arguments: Any) -> Result:
    """Runs `work`, which may block, in a thread of the pool; in this one where a request has a thread to itself.

    Returns or raises what `work` does. `work` must not use Flask's `request`, which stays behind.
    """
    request = getcurrent()
    if not isinstance(request, _Request):
        return work(*arguments)
    return wait_for(get_running_loop().run_in_executor(request.threads, work, *arguments))


def in_background(work: Callable[..., object], *arguments: Any) -> bool:
    """Starts `work` in a thread of the pool and does not wait; what `work` raises is lost.

    Does nothing and returns False for a request that has a thread to itself.
    """
    request = getcurrent()
    if not isinstance(request, _Request):
        return False
    request.threads.submit(work, *arguments)
    return True
