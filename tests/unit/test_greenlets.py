"""Requests that share a thread: who waits steps aside, and whatever happens to one happens in its own code."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from receiver.transport.greenlets import in_greenlet, in_thread, run_in_greenlet, wait_for
from tests.support.served_requests import serve_all


def test_others_are_served_while_one_waits() -> None:
    steps: list[str] = []
    may_go_on: list[asyncio.Future[str]] = []

    def first() -> str:
        may_go_on.append(asyncio.get_running_loop().create_future())
        steps.append("first waits")
        steps.append(wait_for(may_go_on[0]))
        return "first"

    def second() -> str:
        steps.append("second")
        may_go_on[0].set_result("first goes on")
        return "second"

    assert serve_all([first, second]) == ["first", "second"]
    assert steps == ["first waits", "second", "first goes on"]


def test_what_blocks_is_done_in_another_thread_and_the_request_goes_on_in_its_own() -> None:
    def request() -> list[threading.Thread]:
        return [threading.current_thread(), in_thread(threading.current_thread), threading.current_thread()]

    ((before, meanwhile, after),) = serve_all([request])
    assert before is after is threading.current_thread()
    assert meanwhile is not before


def test_who_has_a_thread_to_itself_blocks_it() -> None:
    assert not in_greenlet()
    assert in_thread(threading.current_thread) is threading.current_thread()
    with closing(asyncio.new_event_loop()) as loop, pytest.raises(RuntimeError, match="Only a request that is served"):
        wait_for(loop.create_future())


def test_what_is_raised_aside_is_raised_in_the_request() -> None:
    def fails() -> None:
        raise LookupError("gone")

    def request() -> str:
        try:
            in_thread(fails)
        except LookupError as error:
            return f"caught {error}"
        return "nothing came"

    assert serve_all([request]) == ["caught gone"]
    with pytest.raises(LookupError, match="gone"):
        serve_all([fails])


def test_a_request_that_is_told_to_end_ends_by_its_own_code() -> None:
    ended: list[str] = []

    def request() -> None:
        try:
            wait_for(asyncio.get_running_loop().create_future())
        finally:
            ended.append("tidied up")

    async def cancelled() -> None:
        with ThreadPoolExecutor(1) as threads:
            task = asyncio.create_task(run_in_greenlet(threads, request))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancelled())
    assert ended == ["tidied up"]
