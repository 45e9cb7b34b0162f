"""What is usually written for this job: Flask takes the webhook, a Celery task places the orders. To compare with.

It is kinder than most of its kind: late acknowledgement, redelivery after half a minute in place of an hour, ten
retries in place of three, bounded timeouts, an id for each order from the position, and a known id counts as success.
"""

import os
from typing import Any

import httpx
from celery import Celery
from flask import Flask, Response, request

from receiver.transport.asgi import AsgiApp

REDELIVERY_SECONDS = 30
OPPOSITE = {"BUY": "SELL", "SELL": "BUY"}

web = Flask("baseline")
served = AsgiApp(web)
queue = Celery("baseline", broker=os.environ["REDIS_URL"])
queue.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
    broker_transport_options={"visibility_timeout": REDELIVERY_SECONDS},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
)
client = httpx.Client(base_url=os.environ["CHAOS_BROKER_URL"], timeout=3, trust_env=False)


@web.get("/readyz")
def readyz() -> Response:
    return Response(status=200)


@web.post("/webhooks/proquant")
def webhook() -> tuple[str, int]:
    place.delay(request.get_json())
    return "", 200


@queue.task(acks_late=True, autoretry_for=(httpx.HTTPError,), retry_backoff=1, retry_backoff_max=8, max_retries=10)
def place(payload: dict[str, Any]) -> None:
    """Places the orders of one event."""
    event = payload["v1"]["event"]
    for order in orders_of(event["type"], event["data"]):
        answer = client.post("/orders", json=order)
        if answer.status_code != httpx.codes.CONFLICT:
            answer.raise_for_status()


def orders_of(type_: str, data: dict[str, Any]) -> list[dict[str, str]]:
    """One order for OPEN and CLOSE, two for REOPEN."""
    direction = str(data["direction"])
    sides = {
        "SIGNAL_OPEN": [("open", direction)],
        "SIGNAL_CLOSE": [("close", OPPOSITE[direction])],
        "SIGNAL_REOPEN": [("close", direction), ("open", direction)],
    }
    return [_order(type_, data, leg, side) for leg, side in sides[type_]]


def _order(type_: str, data: dict[str, Any], leg: str, side: str) -> dict[str, str]:
    return {
        "account": "chaos",
        "client_order_id": f"{data['proquantPositionId']}-{type_}-{leg}",
        "symbol": data["ticker"],
        "side": side,
        "quantity": str(data["quantity"]),
        "leg": leg,
        "strategy_id": data["strategy"]["id"],
        "proquant_position_id": data["proquantPositionId"],
    }
