"""Sends Celery's task events to Flower in batches, a few a second, and not while an order is on its way."""

from typing import Any

from celery import bootsteps

SECONDS_APART = 0.25
MOST_TOGETHER = 10_000  # more, and whoever ends a task tells of all of them


class EventBatcher(bootsteps.StartStopStep):
    """A step of Celery's consumer. Celery tells of each event at once, in the thread that reads the queue.

    While it did, the thread with the order waited for the interpreter: of the time between a doorbell and its order
    that was a third.
    """

    requires = ("celery.worker.consumer.events:Events",)

    def __init__(self, consumer: Any, **settings: Any) -> None:
        super().__init__(consumer, **settings)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        """Begins, and after a lost connection to Redis begins again."""
        dispatcher = consumer.event_dispatcher
        if dispatcher is None:
            return
        dispatcher.on_send_buffered = None
        dispatcher.buffer_limit = MOST_TOGETHER
        self._timer = consumer.timer.call_repeatedly(SECONDS_APART, dispatcher.flush)

    def stop(self, consumer: Any) -> None:
        """Tells of what is left."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if consumer.event_dispatcher is not None:
            consumer.event_dispatcher.flush()
