"""Who rings and who works mean the same queue and the same messages, and neither waits for ever."""

import pytest
from celery import Celery

from shared.queue.celery_app import QUEUE, make_app
from shared.queue.doorbell import make_celery
from workers.app import WORKING, WORKING_TRANSPORT

URL = "redis://127.0.0.1:1/0"


@pytest.fixture(params=["rings", "works"])
def app(request: pytest.FixtureRequest) -> Celery:
    if request.param == "rings":
        return make_celery(URL)
    return make_app(URL, WORKING, WORKING_TRANSPORT)


def test_queue_and_messages_are_the_same(app: Celery) -> None:
    conf = app.conf
    assert (conf.task_default_queue, conf.task_serializer, conf.accept_content) == (QUEUE, "json", ["json"])
    assert conf.task_ignore_result
    assert conf.result_backend is None


def test_no_connection_is_waited_on_for_ever(app: Celery) -> None:
    transport = app.conf.broker_transport_options
    assert transport["socket_keepalive"]
    assert 0 < transport["socket_connect_timeout"] <= transport["socket_timeout"] <= 10
