"""Requests that are served together, as the receiver's loop does it: for tests of what they share."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from receiver.transport.greenlets import run_in_greenlet

Result = TypeVar("Result")


def serve_all(works: Sequence[Callable[[], Result]]) -> list[Result]:
    """What each returns, all of them begun in the same turn of a loop. Raises what the first of them raises."""

    async def all_of_them(threads: ThreadPoolExecutor) -> list[Result]:
        return await asyncio.gather(*(run_in_greenlet(threads, work) for work in works))

    with ThreadPoolExecutor(8) as threads:
        return asyncio.run(all_of_them(threads))
