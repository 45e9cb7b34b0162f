"""Celery's thread pool with eager hand-over: a task that finds an idle thread begins at once."""

import os
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from threading import Lock
from typing import Any

import structlog
from celery.concurrency.base import apply_target
from celery.concurrency.thread import ApplyResult, TaskPool  # type: ignore[attr-defined]  # stubs that are not whole

log = structlog.get_logger()

BEGIN_SECONDS = 0.1  # a thread that is idle begins in far less; it only bounds the wait


class PromptPool(TaskPool):
    """As `--pool threads`, but the consumer lets an idle thread begin a task before it fetches the next.

    Python runs one thread at a time. Celery's own pool hands the task over and goes on to ask for the next, while the
    thread waits; and the thread says through a socket that it has accepted the task, by which the first one wakes and
    has its turn once more. That was a fifth of a millisecond of the two between a doorbell and its order. Here an idle
    thread's task is accepted before it is handed over. Where no thread is idle, all is as in Celery.
    """

    executor: Executor

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._counting = Lock()
        self._handed_over = 0  # tasks that have a thread, or wait for one

    def on_apply(
        self,
        target: Callable[..., object],
        args: Any = None,
        kwargs: Any = None,
        callback: Callable[..., object] | None = None,
        accept_callback: Callable[..., object] | None = None,
        **_: object,
    ) -> ApplyResult:
        """Hands a task over; called by the one thread that reads the queue. `callback`: told what came of the task."""
        if self._count(+1) > self.limit:
            return ApplyResult(self._submit(apply_target, target, args, kwargs, callback, accept_callback))
        _accept(accept_callback)
        begun = Lock()
        begun.acquire()
        future = self._submit(_begin, begun, target, args, kwargs, callback)
        begun.acquire(timeout=BEGIN_SECONDS)
        return ApplyResult(future)

    def _submit(self, *work: Any) -> "Future[object]":
        try:
            future: Future[object] = self.executor.submit(*work)
        except RuntimeError:  # it was told to stop
            self._count(-1)
            raise
        future.add_done_callback(lambda _: self._count(-1))
        return future

    def _count(self, change: int) -> int:
        with self._counting:
            self._handed_over += change
            return self._handed_over


def _accept(accept: Callable[..., object] | None) -> None:
    """What raises here would end the thread that reads the queue; the event behind the doorbell is to be traded."""
    if accept is None:
        return
    try:
        accept(os.getpid(), time.monotonic())
    except Exception:
        log.exception("Celery could not note that a task was accepted.", action="accept_failed")


def _begin(begun: Lock, *work: Any) -> None:
    begun.release()
    apply_target(*work)
