"""The endpoint that everybody writes: Flask hands the payload to a Celery task, and the task calls the broker."""

import json
import os
import threading
from decimal import Decimal
from typing import Any

from celery import Celery
from flask import Flask, request

from receiver.transport.asgi import AsgiApp
from shared.domain import ClientOrderId, Direction, Leg
from workers.brokers.base import Broker, OrderRequest
from workers.brokers.registry import make_broker

web = Flask("baseline")
served = AsgiApp(web)
queue = Celery("baseline", broker=os.environ["REDIS_URL"])
queue.conf.task_ignore_result = True
ACCOUNTS: dict[str, dict[str, Any]] = json.loads(os.environ["BENCHMARK_ACCOUNTS"])
"""Name -> {"broker": kind, "settings": {...}}: the same adapters as the bridge's accounts have."""
_brokers: dict[str, Broker] = {}
_making = threading.Lock()


@web.get("/readyz")
def readyz() -> tuple[str, int]:
    return "", 200


@web.post("/bare")
def bare() -> tuple[str, int]:
    """Does nothing: what the server and the load's generator can do at best."""
    return "", 200


@web.post("/webhooks/<account>")
def webhook(account: str) -> tuple[str, int]:
    payload = request.get_json()
    place.delay(account, payload)
    return "", 200


@queue.task
def place(account: str, payload: dict[str, Any]) -> None:
    """Places the order of one event."""
    event = payload["v1"]["event"]
    _broker(account).submit(order_of(event["type"], event["data"]))


def order_of(type_: str, data: dict[str, Any]) -> OrderRequest:
    """The one order of an OPEN or a CLOSE."""
    direction = Direction(data["direction"])
    closes = type_ == "SIGNAL_CLOSE"
    return OrderRequest(
        client_order_id=ClientOrderId(f"{data['proquantPositionId']}-{'c' if closes else 'o'}"),
        symbol=data["ticker"],
        side=direction.opposite if closes else direction,
        quantity=Decimal(str(data["quantity"])),
        leg=Leg.CLOSE if closes else Leg.OPEN,
        strategy_id=data["strategy"]["id"],
        proquant_position_id=data["proquantPositionId"],
    )


def _broker(account: str) -> Broker:
    with _making:
        if account not in _brokers:
            known = ACCOUNTS[account]
            _brokers[account] = make_broker(known["broker"], known["settings"], account)
        return _brokers[account]
