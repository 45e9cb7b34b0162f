"""A task as Celery's workers read it from Redis, spelled without Celery: a tenth of what `send_task` costs.

Two documented forms in one: Celery's task message, version 2 (docs.celeryq.dev, "Message Protocol"), within what
kombu's Redis transport keeps in a list. A test compares it with what this build's Celery sends, and a worker takes it.
"""

import json
import os
import socket
from base64 import b64encode
from functools import cache
from uuid import uuid4

ORIGIN = f"gen{os.getpid()}@{socket.gethostname()}"


def spell(task: str, queue: str, argument: int) -> bytes:
    """The message for a task with one number as its argument, to be pushed to the left of the queue's list."""
    body = json.dumps([[argument], {}, {"callbacks": None, "errbacks": None, "chain": None, "chord": None}])
    blanks = {
        "<ident>": str(uuid4()),
        "<tag>": str(uuid4()),
        "<argument>": str(argument),
        "<body>": b64encode(body.encode()).decode(),
    }
    text = _form(task, queue)
    for blank, value in blanks.items():
        text = text.replace(blank, value)
    return text.encode()


@cache
def _form(task: str, queue: str) -> str:
    """Everything that is the same in each message, spelled once. No value has a `<` of its own."""
    message = {
        "body": "<body>",
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": _headers(task),
        "properties": {
            "correlation_id": "<ident>",
            "reply_to": "<ident>",  # nobody replies: there is no result backend
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": "<tag>",
        },
    }
    return json.dumps(message)


def _headers(task: str) -> dict[str, object]:
    return {
        "lang": "py",
        "task": task,
        "id": "<ident>",
        "shadow": None,
        "eta": None,
        "expires": None,
        "group": None,
        "group_index": None,
        "retries": 0,
        "timelimit": [None, None],
        "root_id": "<ident>",
        "parent_id": None,
        "argsrepr": "(<argument>,)",
        "kwargsrepr": "{}",
        "origin": ORIGIN,
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
