"""Waiting for what happens in another thread or process, without guessing how long it takes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(assertion: Callable[[], T], timeout: float = 30.0, interval: float = 0.02) -> T:
    """Call `assertion` until it raises no AssertionError, and return its value.

    After `timeout` seconds its AssertionError is raised. Any other exception is raised at once.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            return assertion()
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(interval)
