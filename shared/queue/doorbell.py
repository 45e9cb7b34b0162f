"""The doorbell and the announcement: two pointers through Redis. Losing either loses nothing but time."""

import time
from collections.abc import Callable

import structlog
from celery import Celery
from kombu.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from shared.domain import EventId
from shared.queue.celery_app import QUEUE, make_app
from shared.queue.task_message import encode_task

log = structlog.get_logger()

EXECUTE_TASK = "bridge.execute"
REFRESH_TASK = "bridge.refresh_instruments"
RECONCILE_TASK = "bridge.reconcile"
CANARY_TASK = "bridge.canary"
OUTCOMES_CHANNEL = "proquant-bridge:outcomes"

CONNECT_SECONDS = 0.5
REPLY_SECONDS = 0.5
PAUSE_AFTER_FAILURE_SECONDS = 2.0  # so that a dead Redis costs one request its half second, not every request

RINGING = {
    "broker_pool_limit": 10,  # kombu's own: the limit is the process's, and cannot shrink while a connection is in use
    "broker_pool_acquire_timeout": REPLY_SECONDS,
    "broker_connection_timeout": CONNECT_SECONDS,
    "task_publish_retry": False,
}
RINGING_TRANSPORT = {
    "socket_connect_timeout": CONNECT_SECONDS,
    "socket_timeout": REPLY_SECONDS,
    "max_retries": 0,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}


def make_celery(redis_url: str) -> Celery:
    """The Celery application of a process that rings: bounded in every wait, and ids only.

    Without these bounds a publish to a Redis that hangs waits for ever, and a refused connection for seconds:
    kombu's socket timeouts default to none, and its publish has retries of its own.
    """
    return make_app(redis_url, RINGING, RINGING_TRANSPORT)


def make_redis(redis_url: str) -> Redis:
    """A client for announcements: bounded, and without the retries that redis-py has by default."""
    return Redis.from_url(
        redis_url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=REPLY_SECONDS,
        retry=None,
        decode_responses=True,
    )


def is_reachable(redis: Redis) -> bool:
    """Whether Redis is there, within a second."""
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def queue_length(redis: Redis) -> int:
    """How many tasks wait in the queue; 0 where Redis does not answer."""
    try:
        length: int = redis.llen(QUEUE)
    except RedisError:
        return 0
    return length


class Doorbell:
    """Rings a worker with an event's id, or for another task. Safe to use from several threads.

    A circuit breaker: after a failure it does not ring for a moment, so that no request waits for a dead Redis; the
    sweep rings later.
    """

    def __init__(self, app: Celery, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._redis = make_redis(app.conf.broker_url)
        self._monotonic = monotonic
        self._silent_until = 0.0

    def ring(self, *events: EventId) -> bool:
        """Whether Redis has taken the doorbells. Never raises for a Redis that is down, hung or full.

        Each event has a task of its own, and all of them go in one command; the first is taken first.
        """
        messages = [encode_task(EXECUTE_TASK, QUEUE, event) for event in events]
        return self._push(EXECUTE_TASK, events, lambda: self._redis.lpush(QUEUE, *messages))

    def send(self, task: str, *ids: int, expires: float | None = None) -> bool:
        """Puts a task into the queue, with nothing but ids; as `ring`. Not executed later than `expires` seconds."""
        send = self._app.send_task
        return self._push(task, ids, lambda: send(task, args=ids, queue=QUEUE, ignore_result=True, expires=expires))

    def _push(self, task: str, ids: tuple[int, ...], push: Callable[[], object]) -> bool:
        if self._monotonic() < self._silent_until:
            return False
        try:
            push()
        except (OperationalError, RedisError, OSError) as error:
            self._silent_until = self._monotonic() + PAUSE_AFTER_FAILURE_SECONDS
            log.warning(
                "The doorbell cannot ring.",
                action="doorbell_failed",
                task=task,
                ids=ids,
                error=type(error).__name__,
            )
            return False
        return True


def announce(redis: Redis, event: EventId) -> None:
    """Tells the waiting requests that this event is finished. A lost announcement costs them one look at the row."""
    try:
        redis.publish(OUTCOMES_CHANNEL, str(event))
    except RedisError as error:
        log.warning(
            "An outcome was not announced.",
            action="announce_failed",
            event_id=event,
            error=type(error).__name__,
        )
