"""A task as Celery's workers read it from Redis, spelled without Celery: a tenth of what `send_task` costs.

Two documented forms in one: Celery's task message, version 2 (docs.celeryq.dev, "Message Protocol"), within what
kombu's Redis transport keeps in a list. A test compares it with what this build's Celery sends, and a worker takes it.
"""

import json
import os
import socket
from base64 import b64encode
from uuid import uuid4

ORIGIN = f"gen{os.getpid()}@{socket.gethostname()}"


def spell(task: str, queue: str, argument: int) -> bytes:
    """The message for a task with one number as its argument, to be pushed to the left of the queue's list."""
    ident = str(uuid4())
    body = json.dumps([[argument], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    message = {
        "body": b64encode(body.encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": _headers(task, ident, argument),
        "properties": {
            "correlation_id": ident,
            "reply_to": ident,  # nobody replies: there is no result backend
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid4()),
        },
    }
    return json.dumps(message).encode()


def _headers(task: str, ident: str, argument: int) -> dict[str, object]:
    return {
        "lang": "py",
        "task": task,
        "id": ident,
        "shadow": None,
        "eta": None,
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": 0,
        "timelimit": [None, None],
        "root_id": ident,
        "parent_id": None,
        "argsrepr": f"({argument},)",
        "kwargsrepr": "{}",
        "origin": ORIGIN,
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
