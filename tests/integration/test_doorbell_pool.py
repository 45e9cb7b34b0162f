"""The doorbell rings although another application of the process has a connection of its queue in use."""

from celery import Celery

from shared.domain import EventId
from shared.queue.doorbell import Doorbell, make_celery


def test_the_first_ring_is_heard_while_another_connection_is_in_use(redis_url: str) -> None:
    other = Celery("other", broker=redis_url, set_as_current=False)
    with other.pool.acquire(block=True):
        assert Doorbell(make_celery(redis_url)).ring(EventId(1))
    other.close()
