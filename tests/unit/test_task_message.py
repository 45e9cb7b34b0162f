"""The message that we spell is the one that this build's Celery sends."""

import base64
import json
from typing import Any

from redis import Redis

from shared.queue.celery_app import QUEUE
from shared.queue.doorbell import EXECUTE_TASK, make_celery
from shared.queue.task_message import encode_task

OF_ITS_OWN = ("id", "root_id", "correlation_id", "reply_to", "delivery_tag", "origin")


def _common(raw: bytes) -> dict[str, Any]:
    """The message without what differs from one to the next, its body decoded."""
    message: dict[str, Any] = json.loads(raw)
    for part in ("headers", "properties"):
        message[part] = {name: value for name, value in message[part].items() if name not in OF_ITS_OWN}
    message["body"] = json.loads(base64.b64decode(message["body"]))
    return message


def test_it_is_what_celery_sends(redis_url: str) -> None:
    make_celery(redis_url).send_task(EXECUTE_TASK, args=(7,), queue=QUEUE, ignore_result=True)
    with Redis.from_url(redis_url) as client:
        (sent,) = client.lrange(QUEUE, 0, -1)
    assert _common(encode_task(EXECUTE_TASK, QUEUE, 7)) == _common(sent)


def test_it_names_the_same_parts_as_celery(redis_url: str) -> None:
    make_celery(redis_url).send_task(EXECUTE_TASK, args=(7,), queue=QUEUE, ignore_result=True)
    with Redis.from_url(redis_url) as client:
        (raw,) = client.lrange(QUEUE, 0, -1)
    sent, spelled = json.loads(raw), json.loads(encode_task(EXECUTE_TASK, QUEUE, 7))
    assert sent["headers"].keys() == spelled["headers"].keys()
    assert sent["properties"].keys() == spelled["properties"].keys()


def test_no_two_messages_are_one(redis_url: str) -> None:
    first, second = (json.loads(encode_task(EXECUTE_TASK, QUEUE, 7)) for _ in range(2))
    assert first["headers"]["id"] != second["headers"]["id"]
    assert first["properties"]["delivery_tag"] != second["properties"]["delivery_tag"]
