"""Makes the Celery applications of the bridge, which agree on one queue, messages in JSON, and no results.

Who rings and who works differ in what they wait for, and each adds that.
"""

from collections.abc import Mapping
from typing import Any

from celery import Celery

QUEUE = "signals"
AGREED = {
    "task_default_queue": QUEUE,
    "task_ignore_result": True,  # nothing reads a result: no result backend, nothing to leak or to fill up
    "task_serializer": "json",
    "accept_content": ["json"],
}
AGREED_OF_TRANSPORT = {"socket_keepalive": True}


def make_app(redis_url: str, settings: Mapping[str, Any], transport: Mapping[str, Any]) -> Celery:
    """An application with what is agreed, and its own `settings` and options of the `transport`."""
    app = Celery("proquant-bridge", broker=redis_url, set_as_current=False)
    app.conf.update(AGREED | dict(settings) | {"broker_transport_options": AGREED_OF_TRANSPORT | dict(transport)})
    return app
